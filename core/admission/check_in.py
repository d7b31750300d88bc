"""A check-in: the request of an installation for a place, and the answer."""

from dataclasses import dataclass
from enum import StrEnum

from core.admission.back_off import BackOff
from core.errors import NotFound
from core.text import shown

QuotaKey = tuple[str, str]
"""The quota that a check-in counts towards: a license's key and a meter's key."""


class Decision(StrEnum):
    """The decision on a check-in.

    ADMITTED: the installation took a place now. KNOWN: it has a place. BACK_OFF: no place is left for it. REFUSED: the
    license is suspended or no contract is in force, so that no installation is served, not even with a place.
    """

    ADMITTED = "ADMITTED"
    KNOWN = "KNOWN"
    BACK_OFF = "BACK_OFF"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class CheckInRequest:
    """A check-in of an installation, and the id of the API key that it was sent with.

    `signature` is that of the identifier, see :mod:`core.admission.signatures`; None if none was sent.
    """

    license: str
    meter: str
    identifier: str
    key_id: str
    signature: str | None = None

    @property
    def quota_key(self) -> QuotaKey:
        """The quota that the check-in counts towards."""
        return self.license, self.meter


@dataclass(frozen=True, slots=True)
class CheckIn:
    """The answer to a check-in. `quota` and `remaining` are None if the contract sets no quota.

    A refusal states its `reason`, and no figures, since nothing is recorded.

    With `outage` the database is away. The installation passes because it had a place in the last window. Nothing was
    recorded, and the number of places left is not known.
    """

    decision: Decision
    quota: int | None = None
    remaining: int | None = None
    back_off: BackOff | None = None
    outage: bool = False
    reason: str | None = None

    @property
    def has_place(self) -> bool:
        """True if the installation is served."""
        return self.decision in (Decision.ADMITTED, Decision.KNOWN)


def unknown_license(key: str) -> NotFound:
    """Return the error for a license that does not exist, for callers who may know."""
    return NotFound(f"No license {shown(key)}. An operator puts it before its installations check in.")
