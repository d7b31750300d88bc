"""What a contract says of a hard quota beside its size."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

LOST_AFTER_DAYS: Final = 40


class OnOutage(StrEnum):
    """What is answered while the database is away.

    REFUSE: that it is away. LET_THROUGH: the same, but an installation that had a place in the last window passes.
    """

    REFUSE = "REFUSE"
    LET_THROUGH = "LET_THROUGH"


class Identifiers(StrEnum):
    """What is kept of an identifier. PLAIN: itself, beside its digest. HASHED: a keyed digest alone."""

    PLAIN = "PLAIN"
    HASHED = "HASHED"


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """How a meter's quota is kept.

    `window` is a calendar duration, counted from the contract's start date in the license's time zone; None for
    calendar months in UTC. `back_off_days` is how long a refused identifier stays away at the most; None until
    the window ends. It is lost once it was not seen on `lost_after_days` whole days.
    """

    window: str | None = None
    back_off_days: int | None = None
    lost_after_days: int = LOST_AFTER_DAYS
    on_outage: str = OnOutage.REFUSE.value
    identifiers: str = Identifiers.PLAIN.value

    def to_document(self) -> dict[str, Any]:
        """As a contract keeps it: what differs from the defaults, by name."""
        return {name: value for name, value in asdict(self).items() if value != getattr(DEFAULT, name)}


DEFAULT: Final = QuotaTerms()


def quota_terms(documents: Mapping[str, Mapping[str, Any]], meter: str) -> QuotaTerms:
    """The terms of a meter's quota among those that a contract keeps."""
    return QuotaTerms(**documents.get(meter, {}))
