"""Check-ins that wait for their answer."""

from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime
from typing import NamedTuple

from core.admission.check_in import CheckIn, CheckInRequest, QuotaKey
from core.admission.store import InstallationKey, InstallationState


class PendingCheckIn(NamedTuple):
    """A request, and the future of its answer."""

    request: CheckInRequest
    future: "Future[CheckIn]"


class Candidate(NamedTuple):
    """A pending check-in with the stored state of its installation; None for a new installation.

    `generation` is the register's, read before the stored state: a place that is freed in between has an earlier
    generation than the register, so it is never remembered as if it still stood.
    """

    pending: PendingCheckIn
    quota_key: QuotaKey
    key: InstallationKey
    generation: int
    stored: InstallationState | None

    def backs_off(self, now: datetime) -> bool:
        """Return whether the back-off of the installation's last refusal lasts."""
        return self.stored is not None and self.stored.backing_off(now) is not None


CandidatesByDigest = dict[bytes, list[Candidate]]
"""Candidates of one quota by digest, in the order in which they came. An installation may check in more than once."""


def group_by_quota(candidates: Iterable[Candidate]) -> dict[QuotaKey, CandidatesByDigest]:
    """Group the candidates that are not answered yet by quota and installation."""
    groups: dict[QuotaKey, CandidatesByDigest] = {}
    for candidate in candidates:
        if not candidate.pending.future.done():
            groups.setdefault(candidate.quota_key, {}).setdefault(candidate.key[2], []).append(candidate)
    return groups
