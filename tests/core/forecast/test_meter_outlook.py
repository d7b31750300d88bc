"""Outlooks by the kind of meter."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import allowance
import pytest
from allowance import Counter, Meter, Period, Reading, Usage

from core.forecast.meter_outlook import MeterHistory, outlook_of, stamp_of
from core.licenses.load import LoadedLicense

TODAY = date(2028, 2, 28)
NOW = datetime(2028, 2, 28, 6, tzinfo=UTC)
LICENSE = LoadedLicense(1, allowance.License("acme", "Acme"), (), TODAY, revision=3)
YEAR = Period(date(2028, 1, 1), date(2028, 3, 5))
DAY = timedelta(days=1)
CHAT = Counter(key="chat", section="chat", title="Chat", description="Messages.", unit="messages", event="chat.sent")


class Partners(Meter):
    """A meter of a class of a partner's own."""

    def measure(self, usage: Usage, license: allowance.License, contract: allowance.Contract) -> Reading:
        return Reading(0)


OWN = Partners(key="own", section="chat", title="Own", description="Its own.", unit="messages")


def history(meter: Meter, reading: Reading, *used: float, until: date = TODAY - DAY) -> MeterHistory:
    """Return the history of a meter whose last known day ended with the last amount."""
    ends = {until - (len(used) - 1 - number) * DAY: amount for number, amount in enumerate(used)}
    return MeterHistory(LICENSE, meter, ends, reading, Usage(NOW), ())


def expected(of: MeterHistory) -> list[float]:
    made = outlook_of(of, NOW).outlook
    assert made is not None
    return [point.expected for point in made.points]


def test_a_leap_day_is_forecast_like_any_other() -> None:
    counted = history(CHAT, Reading(300, period=YEAR), *(10.0 * number for number in range(31)))
    assert expected(counted) == pytest.approx([10, 20, 30, 40, 50, 60])


def test_a_meter_that_knows_the_days_ahead_is_believed() -> None:
    reading = Reading(300, period=YEAR, ahead=(0, Decimal("2.5"), 500))
    counted = history(OWN, reading, *(10.0 * number for number in range(31)))
    assert expected(counted) == pytest.approx([0, 2.5, 502.5, 512.5, 522.5, 532.5])


def test_days_ahead_are_left_out_while_days_before_them_are_unknown() -> None:
    """They begin today, but the outlook begins on the first day that the meter did not measure."""
    reading = Reading(300, period=YEAR, ahead=(500,))
    counted = history(OWN, reading, *(10.0 * number for number in range(31)), until=TODAY - 3 * DAY)
    assert expected(counted)[0] == pytest.approx(10)


def test_a_partners_meter_without_a_period_is_a_level() -> None:
    falling = history(OWN, Reading(70), *(100.0 - number for number in range(31)))
    made = outlook_of(falling, NOW).outlook
    assert made is not None
    assert made.until == date(2029, 1, 1)  # without a contract, the calendar year
    assert made.points[0].expected == pytest.approx(-1)


def test_a_meter_without_usage_or_history_has_no_outlook() -> None:
    assert outlook_of(history(CHAT, Reading(None), 1.0, 2.0), NOW).outlook is None
    assert outlook_of(history(CHAT, Reading(7, period=YEAR)), NOW).outlook is None


def test_a_period_that_ends_today_has_no_outlook() -> None:
    over = Period(date(2028, 1, 1), TODAY)
    assert outlook_of(history(CHAT, Reading(7, period=over), *map(float, range(40))), NOW).outlook is None


def test_a_stamp_changes_with_the_day_and_the_contract() -> None:
    assert stamp_of(LICENSE, CHAT, ()) == "2028-02-28 3"
