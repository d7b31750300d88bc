"""Check-ins that wait for their answer."""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

from core.admission.check_in import CheckIn, CheckInRequest, QuotaKey
from core.admission.store import InstallationKey, InstallationState


@dataclass(frozen=True, slots=True, eq=False)
class PendingCheckIn:
    """A request, and the future of its answer."""

    request: CheckInRequest
    future: "Future[CheckIn]" = field(default_factory=Future)


class Candidate(NamedTuple):
    """A pending check-in with the stored state of its installation; None for a new installation."""

    pending: PendingCheckIn
    key: InstallationKey
    stored: InstallationState | None

    @property
    def quota_key(self) -> QuotaKey:
        """The quota that the check-in counts towards."""
        return self.pending.request.quota_key


CandidatesByDigest = dict[bytes, list[Candidate]]
"""Candidates of one quota by digest, in the order in which they came. An installation may check in more than once."""


def group_by_quota(candidates: Iterable[Candidate]) -> dict[QuotaKey, CandidatesByDigest]:
    """Group the candidates that are not answered yet by quota and installation."""
    groups: dict[QuotaKey, CandidatesByDigest] = {}
    for candidate in candidates:
        if not candidate.pending.future.done():
            groups.setdefault(candidate.quota_key, {}).setdefault(candidate.key[2], []).append(candidate)
    return groups
