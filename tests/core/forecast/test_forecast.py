"""Forecasts: an outlook applied to a reading, with the dates at which a limit is exceeded."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from allowance.license import midnight
from hypothesis import given
from hypothesis import strategies as st

from core.forecast.forecast import Exceeding, exceeding, path_of
from core.forecast.outlook import Outlook, OutlookPoint, make_outlook

TODAY = date(2026, 11, 2)
BRUSSELS = "Europe/Brussels"


def steady(days: int, range_: float = 0.0, zone: str = "UTC", day: date = TODAY) -> tuple[Outlook, datetime]:
    """Return an outlook of 10 a day, with a range of so much of it to each side, and the end of its period."""
    points = tuple(
        OutlookPoint(number, 10.0 * number, 10 * number * (1 - range_), 10 * number * (1 + range_))
        for number in range(1, days + 1)
    )
    until = day + timedelta(days=days)
    return Outlook(day, until, day - timedelta(days=60), points), midnight(until, zone)


def at(hour: int, zone: str = "UTC") -> datetime:
    return midnight(TODAY, zone) + timedelta(hours=hour)


def test_the_rest_of_the_period_is_added_to_what_was_used() -> None:
    outlook, ends_at = steady(30, 0.2)
    path = path_of(outlook, 100, at(0), ends_at, "UTC")
    assert path[0] == (at(0), 100, 100, 100)
    assert path[-1] == (ends_at, 400, pytest.approx(340), pytest.approx(460))


def test_the_part_of_today_that_is_over_is_not_forecast() -> None:
    outlook, ends_at = steady(1)
    assert path_of(outlook, 100, at(6), ends_at, "UTC")[-1].expected == pytest.approx(107.5)


def test_a_busy_morning_is_added_to_an_ordinary_afternoon() -> None:
    outlook, ends_at = steady(2)
    assert path_of(outlook, 1_000, at(12), ends_at, "UTC")[-1].expected == pytest.approx(1_015)


def test_the_range_is_closed_at_the_end_of_the_period() -> None:
    outlook, ends_at = steady(1, 0.5)
    last = path_of(outlook, 7, ends_at - timedelta(seconds=1), ends_at, "UTC")[-1]
    assert (last.low, last.high) == (pytest.approx(7, abs=0.1), pytest.approx(7, abs=0.1))


def test_days_are_those_of_the_license() -> None:
    outlook, ends_at = steady(30, zone=BRUSSELS)
    assert ends_at == datetime(2026, 12, 1, 23, tzinfo=UTC)
    path = path_of(outlook, 0, at(12, BRUSSELS), ends_at, BRUSSELS)
    assert path[1].at == datetime(2026, 11, 2, 23, tzinfo=UTC)
    assert path[-1] == (ends_at, *[pytest.approx(295)] * 3)


def test_a_day_on_which_clocks_change_is_a_day() -> None:
    outlook, ends_at = steady(1, zone=BRUSSELS, day=date(2026, 10, 25))
    assert ends_at - midnight(date(2026, 10, 25), BRUSSELS) == timedelta(hours=25)
    noon = midnight(date(2026, 10, 25), BRUSSELS) + timedelta(hours=12.5)
    assert path_of(outlook, 0, noon, ends_at, BRUSSELS)[-1].expected == pytest.approx(5)


def test_a_period_that_ends_at_another_hour_than_days_ends_with_the_period() -> None:
    outlook, _ = steady(30, zone=BRUSSELS)
    ends_at = datetime(2026, 12, 1, tzinfo=UTC)
    path = path_of(outlook, 0, at(0, BRUSSELS), ends_at, BRUSSELS)
    assert path[-1].at == ends_at
    assert path[-1].expected == pytest.approx(290 + 10 / 24)


def test_an_outlook_of_yesterday_still_holds() -> None:
    outlook, ends_at = steady(30)
    assert path_of(outlook, 10, at(24), ends_at, "UTC")[-1].expected == pytest.approx(300)


def test_an_outlook_that_ended_too_early_holds_what_it_knows() -> None:
    outlook, ends_at = steady(3)
    later = ends_at + timedelta(days=3)
    path = path_of(outlook, 0, at(0), later, "UTC")
    assert path[-1] == (later, 30, 30, 30)
    assert path_of(outlook, 5, ends_at, later, "UTC") == [(ends_at, 5, 5, 5), (later, 5, 5, 5)]


def test_a_level_may_fall_below_what_it_is() -> None:
    outlook = Outlook(TODAY, TODAY + timedelta(days=1), TODAY, (OutlookPoint(1, -5.0, -8.0, -2.0),))
    assert path_of(outlook, 100, at(0), at(24), "UTC")[-1] == (at(24), 95, 92, 98)


def test_the_limit_is_exceeded_on_a_date_with_a_range() -> None:
    outlook, ends_at = steady(30, 0.2)
    path = path_of(outlook, 0, at(0), ends_at, "UTC")
    found = exceeding(path, 120)
    assert found == (at(12 * 24), at(10 * 24), at(15 * 24))


def test_no_date_is_stated_while_it_may_as_well_be_never() -> None:
    """At the low end 240 are used in the period: only the day before which nothing is exceeded is certain."""
    outlook, ends_at = steady(30, 0.2)
    path = path_of(outlook, 0, at(0), ends_at, "UTC")
    assert exceeding(path, 252) == Exceeding(earliest=at(21 * 24))


def test_a_limit_out_of_reach_is_exceeded_never() -> None:
    outlook, ends_at = steady(30, 0.2)
    assert exceeding(path_of(outlook, 0, at(0), ends_at, "UTC"), 360) == Exceeding()


def test_a_limit_that_is_exceeded_already_has_no_date_in_the_future() -> None:
    outlook, ends_at = steady(30, 0.2)
    assert exceeding(path_of(outlook, 101, at(0), ends_at, "UTC"), 100) == Exceeding()


def test_a_limit_that_is_reached_exactly_is_exceeded_at_once() -> None:
    outlook, ends_at = steady(30)
    assert exceeding(path_of(outlook, 100, at(0), ends_at, "UTC"), 100) == (at(0),) * 3


@given(
    st.lists(st.floats(0, 1e6), min_size=14, max_size=100),
    st.floats(0, 1e7),
    st.floats(0, 1e8),
    st.integers(1, 400),
    st.floats(0, 2),
)
def test_range_and_dates_are_in_order(
    increments: list[float], used: float, limit: float, days: int, elapsed: float
) -> None:
    until = TODAY + timedelta(days=days)
    outlook = make_outlook(increments, TODAY, until, counted=True)
    now = midnight(TODAY, BRUSSELS) + timedelta(days=elapsed)
    ends_at = midnight(until, BRUSSELS)
    if outlook is None or now >= ends_at:
        return
    path = path_of(outlook, used, now, ends_at, BRUSSELS)
    assert path[0].at == now
    assert path[-1].at == ends_at
    for earlier, later in pairwise(path):
        assert earlier.at < later.at
        assert used <= later.low <= later.expected * (1 + 1e-12)
        assert later.expected <= later.high * (1 + 1e-12)
    found = exceeding(path, limit)
    if found.at is not None:
        assert found.earliest is not None
        assert found.latest is not None
        slack = timedelta(milliseconds=1)
        assert now <= found.earliest <= found.at + slack <= found.latest + 2 * slack <= ends_at + 3 * slack
    assert (found.at is None) is (found.latest is None)
