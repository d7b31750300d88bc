"""Telling the rest of the house that a quota fills: a refresh finds the crossing, and so history and people do."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from core.admission.quota_state import QuotaState
from core.database.engine import Database
from core.queue.queue import request_refresh


def ask_for_refresh(database: Database, standing: QuotaState, before: int, after: int, now: datetime) -> None:
    """Have the meter's section refreshed where places taken between two counts crossed a part people are told of."""
    if any(before < mark <= after for mark in _marks(standing)):
        with database.write() as session:
            request_refresh(session, standing.quota.license_id, [standing.meter.section], now)


def _marks(standing: QuotaState) -> list[Fraction]:
    places = standing.quota.places
    if places is None:
        return []
    meter = standing.meter
    contract = standing.license.contract_on(standing.quota.day)
    at_risk = contract.at_risk.get(meter.key, meter.at_risk)
    told = {*meter.notices, *contract.alert_at.get(meter.key, ()), at_risk or Decimal(1), Decimal(1)}
    return [ratio * places for ratio in map(Fraction, told)]
