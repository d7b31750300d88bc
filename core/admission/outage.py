"""Check-ins while the database is away. An installation passes only if its license's contract lets it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from core.admission.check_in import CheckIn, Decision
from core.admission.place_cache import CachedPlace
from core.admission.quota_state import QuotaState
from core.admission.refusal import refusal_on
from core.admission.window import window_at, window_before
from core.errors import Unavailable
from core.licenses.quota_terms import OnOutage
from core.times import microseconds


def answer_in_outage(state: QuotaState, place: CachedPlace | None, now: datetime) -> CheckIn | None:
    """Return the answer to an installation that has a place in the present window or had one in the last.

    Args:
        state: The quota state as last read. It may be old, since nothing newer can be read.
        place: The place of the installation that this process remembers, or None.
        now: The present time.

    Returns:
        The answer, or None if the contract lets nobody pass, no contract is in force now, the license is suspended, or
        the place is not remembered, or places were freed since: nothing is guessed.
    """
    if place is None or place.generation != state.generation or state.quota.terms.on_outage != OnOutage.LET_THROUGH:
        return None
    terms, zone = state.quota.terms, state.license.license.time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    if refusal_on(state.license, today):
        return None
    version = state.license.version_on(today)
    last = window_before(window_at(now, terms, version, zone), terms, version, zone)
    return CheckIn(Decision.KNOWN, outage=True) if place.starts_at >= microseconds(last.start) else None


def no_answer() -> Unavailable:
    """Return the error for an installation without an answer. It may have got a place, or not."""
    return Unavailable("The database does not answer now. Check in again: who got a place is known then.")
