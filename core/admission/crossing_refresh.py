"""The refresh of a license when its quota fills or refuses: the refresh records the crossing, history and alerts."""

from datetime import datetime
from fractions import Fraction

from core.admission.admit import GroupOutcome
from core.admission.quota_state import QuotaState
from core.database.engine import Database
from core.licenses.alerting_ratios import alerting_ratios
from core.queue.queue import request_refresh


def request_refresh_on_crossing(database: Database, state: QuotaState, outcome: GroupOutcome, now: datetime) -> None:
    """Request a refresh of the meter's section if the places taken crossed a threshold, or the window's first refusal.

    Args:
        database: The database.
        state: The state of the quota.
        outcome: The outcome of check-ins. `outcome.used` counts the places of every process.
        now: The present time.
    """
    before = outcome.used - outcome.admitted
    if outcome.refusals.is_first or any(before < threshold <= outcome.used for threshold in _thresholds(state)):
        with database.write() as session:
            request_refresh(session, [state.quota.license_id], [state.meter.section], now)


def _thresholds(state: QuotaState) -> list[Fraction]:
    """Return the thresholds of notices, alerts and status, in places."""
    places = state.quota.places
    if places is None:
        return []
    ratios = alerting_ratios(state.meter, state.license.contract_on(state.quota.day))
    return [ratio * places for ratio in map(Fraction, ratios)]
