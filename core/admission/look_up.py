"""The look-up of installations that this process does not know: their stored state, and the answer that it gives."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from core.admission.check_in import CheckIn, Decision, QuotaKey
from core.admission.pending import Candidate, PendingCheckIn
from core.admission.quota_state import QuotaState
from core.admission.quota_states import QuotaStates
from core.admission.store import InstallationState, Store
from core.times import microseconds

_RECENTLY: Final = timedelta(seconds=10)


def find_candidates(
    store: Store, connection: Connection, states: QuotaStates, pending: Sequence[PendingCheckIn]
) -> list[Candidate]:
    """Read the stored state of each installation whose license exists, in one statement."""
    found = [
        (check_in, quota_key, state.key_of(check_in.request.identifier), state.generation)
        for check_in in pending
        if (state := states.get(quota_key := check_in.request.quota_key))
    ]
    stored = store.find(connection, [key for _, _, key, _ in found]) if found else []
    return [Candidate(*row, state) for row, state in zip(found, stored, strict=True)]


def wait_for_recent_places(
    store: Store, connection: Connection, candidates: Sequence[Candidate], now: datetime
) -> None:
    """Wait until places that were given just now are on disk: the process that gave them may still wait for that."""
    since = microseconds(now - _RECENTLY)
    if any(stored and stored.seen and stored.seen > since for *_, stored in candidates):
        store.flush(connection)


def outdated_quotas(
    store: Store, connection: Connection, states: QuotaStates, keys: Collection[QuotaKey]
) -> set[QuotaKey]:
    """Return the quotas whose license has changed since their state was read."""
    if not keys:
        return set()
    quotas = {key: states[key].quota for key in keys}
    revisions = store.revisions(connection, {quota.license_id for quota in quotas.values()})
    return {key for key, quota in quotas.items() if revisions.get(quota.license_id) != quota.revision}


def answer_of(state: QuotaState, stored: InstallationState | None, now: datetime) -> CheckIn | None:
    """Return the answer to an installation that is refused, has a place or backs off; None if it has to be decided.

    An installation that is backing off is decided again if places are free now.
    """
    quota = state.quota
    if quota.refusal:
        return CheckIn(Decision.REFUSED, reason=quota.refusal)
    if stored and stored.has_place_in(quota):
        return CheckIn(Decision.KNOWN, quota.places, quota.remaining(state.used))
    if stored and (back_off := stored.backing_off_from(quota, now)) and not quota.has_room(state.used):
        return CheckIn(Decision.BACK_OFF, quota.places, quota.remaining(state.used), back_off)
    return None
