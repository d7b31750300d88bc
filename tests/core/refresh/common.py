"""The moments, terms and events that the tests of the refresh share."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from allowance import Period
from sqlmodel import select

from core.consumption.readings.status import UsageStatus
from core.refresh.scope import RefreshScope
from core.usage.tables import LateUsage
from tests.fixtures.engine import NOW, Engine, usage_event

OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN
TODAY = NOW.date()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
INSTANT = timedelta(microseconds=1)
SMALL = {"profiles": 100, "interactions_per_profile": 10}


def end_of(day: date) -> datetime:
    """The last instant of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY - INSTANT


def days_ago(number: int) -> date:
    return TODAY - number * DAY


def sent(quantity: float, time: datetime = NOW, **fields: Any) -> dict[str, Any]:
    return usage_event("interaction.sent", time=time, quantity=quantity, **fields)


def late_marks(engine: Engine) -> Collection[tuple[int, date]]:
    with engine.database.read() as session:
        return {(row.license_id, row.since) for row in session.exec(select(LateUsage))}


ALL, DUE = RefreshScope(), RefreshScope(only_due=True)
WEB, SMS = RefreshScope(frozenset({"web"})), RefreshScope(frozenset({"sms"}))
