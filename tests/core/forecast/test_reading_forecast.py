"""Forecasts of readings, at the limits of whole things."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import allowance
import pytest
from allowance import Level

from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.status import UsageStatus
from core.consumption.view import Freshness, ReadingView
from core.forecast.documents import MeterOutlook
from core.forecast.forecast import Exceeding
from core.forecast.outlook import Outlook, OutlookPoint
from core.forecast.reading_forecast import forecast_reading
from core.licenses.load import LoadedLicense

TODAY = date(2026, 12, 22)
NOW = datetime(2026, 12, 22, tzinfo=UTC)
LICENSE = LoadedLicense(1, allowance.License("acme", "Acme"), (), TODAY)
FORMS = Level(key="forms", section="web", title="Forms", description="Forms.", unit="forms", limit="forms")


def exceeding(used: str, high: float) -> Exceeding:
    """Return the dates of a level with the limit 4, which stands still but may rise by so much in ten days."""
    reading = JudgedReading(UsageStatus.OK, Decimal(used), Decimal(4), measured_at=NOW)
    outlook = Outlook(TODAY, date(2027, 1, 1), date(2026, 10, 1), (OutlookPoint(10, 0.0, -1.0, high),))
    view = ReadingView(LICENSE, None, FORMS, reading, Freshness.FRESH)
    found = forecast_reading(view, MeterOutlook(NOW, outlook), NOW)
    assert found.forecast is not None
    return found.forecast.exceeding


@pytest.mark.parametrize("high", [0.0, 0.01, 0.5])
def test_a_level_at_its_limit_is_not_exceeded_by_a_fraction(high: float) -> None:
    assert exceeding("4", high) == Exceeding()


def test_a_level_at_its_limit_may_be_exceeded_by_one_more() -> None:
    assert exceeding("4", 1.0) == Exceeding(earliest=NOW + timedelta(days=5))


def test_a_level_above_its_limit_is_exceeded_already() -> None:
    assert exceeding("4.25", 5.0) == Exceeding()
