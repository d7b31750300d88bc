"""The state of a license: active, suspended, or without a contract in force."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LicenseState(StrEnum):
    """ACTIVE: a contract is in force. SUSPENDED: by an operator. NO_CONTRACT: none is in force."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    NO_CONTRACT = "NO_CONTRACT"


@dataclass(frozen=True, slots=True)
class Suspension:
    """The suspension of a license: since when, and the reason in words that its users may see."""

    since: datetime
    reason: str

    @staticmethod
    def of(since: datetime | None, reason: str | None) -> "Suspension | None":
        """Return the suspension that a license's row states, or None if the license is not suspended."""
        return None if since is None else Suspension(since, reason or "")
