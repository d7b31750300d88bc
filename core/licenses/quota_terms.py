"""The terms of a hard quota in a contract, beside its size."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

LOST_AFTER_DAYS: Final = 40


class OnOutage(StrEnum):
    """The answer to check-ins while the database is away.

    REFUSE: an error. LET_THROUGH: an error, but an installation that had a place in the last window passes.
    """

    REFUSE = "REFUSE"
    LET_THROUGH = "LET_THROUGH"


class Identifiers(StrEnum):
    """The stored form of an identifier. PLAIN: itself, beside its digest. HASHED: only a keyed digest."""

    PLAIN = "PLAIN"
    HASHED = "HASHED"


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """The terms of a meter's quota.

    `window` is a calendar duration, counted from the contract's start date in the license's time zone; None stands for
    calendar months in UTC. A refused identifier stays away for at most `back_off_days`; None stands for the end of the
    window. An installation is lost once it was not seen on `lost_after_days` whole days.
    """

    window: str | None = None
    back_off_days: int | None = None
    lost_after_days: int = LOST_AFTER_DAYS
    on_outage: str = OnOutage.REFUSE.value
    identifiers: str = Identifiers.PLAIN.value

    def to_document(self) -> dict[str, Any]:
        """Return the terms as a contract stores them: those that differ from the defaults, by name."""
        return {name: value for name, value in asdict(self).items() if value != getattr(DEFAULT, name)}


DEFAULT: Final = QuotaTerms()


def quota_terms(documents: Mapping[str, Mapping[str, Any]], meter: str) -> QuotaTerms:
    """Return the terms of a meter's quota from those that a contract stores, by meter."""
    return QuotaTerms(**documents.get(meter, {}))
