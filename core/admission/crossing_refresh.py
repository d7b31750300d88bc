"""The refresh of a license when its quota fills: the refresh records the crossing, history and alerts."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from core.admission.quota_state import QuotaState
from core.database.engine import Database
from core.queue.queue import request_refresh


def request_refresh_on_crossing(database: Database, state: QuotaState, before: int, after: int, now: datetime) -> None:
    """Request a refresh of the meter's section if the places taken crossed a threshold.

    Args:
        database: The database.
        state: The state of the quota.
        before: The places taken before.
        after: The places taken now.
        now: The present time.
    """
    if any(before < threshold <= after for threshold in _thresholds(state)):
        with database.write() as session:
            request_refresh(session, [state.quota.license_id], [state.meter.section], now)


def _thresholds(state: QuotaState) -> list[Fraction]:
    """Return the thresholds of notices, alerts and status, in places."""
    places = state.quota.places
    if places is None:
        return []
    meter = state.meter
    contract = state.license.contract_on(state.quota.day)
    at_risk = contract.at_risk.get(meter.key, meter.at_risk)
    ratios = {*meter.notices, *contract.alert_at.get(meter.key, ()), at_risk or Decimal(1), Decimal(1)}
    return [ratio * places for ratio in map(Fraction, ratios)]
