"""Outlooks, by what a person would expect."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.forecast.outlook import Outlook, make_outlook, point_days

TODAY = date(2026, 11, 2)
"""A Monday."""
OFFICE_WEEK = [100.0, 100.0, 100.0, 100.0, 100.0, 0.0, 0.0]

amounts = st.floats(0, 1e9) | st.just(0.0)
counted_days = st.lists(amounts, min_size=14, max_size=240)
level_days = st.lists(st.floats(-1e9, 1e9), min_size=14, max_size=240)
horizons = st.integers(1, 800)


def outlook(increments: list[float], days: int = 28, *, counted: bool = True) -> Outlook:
    made = make_outlook(increments, TODAY, TODAY + timedelta(days=days), counted=counted)
    assert made is not None
    return made


def end(increments: list[float], days: int = 28, *, counted: bool = True) -> tuple[float, float, float]:
    days_, expected, low, high = outlook(increments, days, counted=counted).points[-1]
    assert days_ == days
    return expected, low, high


def test_an_office_week_goes_on_to_the_day() -> None:
    made = outlook(OFFICE_WEEK * 8, 10)
    assert [round(point.expected) for point in made.points] == [100, 200, 300, 400, 500, 500, 500, 600, 700, 800]
    assert [(round(point.low), round(point.high)) for point in made.points] == [
        (round(point.expected), round(point.expected)) for point in made.points
    ]


@pytest.mark.parametrize("days", [0, 1, 13])
def test_nothing_is_forecast_before_fourteen_days_of_history(days: int) -> None:
    assert make_outlook([5.0] * days, TODAY, TODAY + timedelta(days=28), counted=True) is None


def test_fourteen_days_of_history_are_enough() -> None:
    assert end([5.0] * 14) == pytest.approx((140, 140, 140))


def test_without_any_usage_nothing_is_expected() -> None:
    assert end([0.0] * 60, 365) == (0, 0, 0)


def test_a_meter_that_only_just_began_is_judged_by_its_own_days() -> None:
    """The days before its first use would have made its usage look smaller, and growing."""
    assert make_outlook([0.0] * 100 + [50.0] * 13, TODAY, TODAY + timedelta(days=28), counted=True) is None
    began = outlook([0.0] * 100 + [50.0] * 21)
    assert began.points[-1].expected == pytest.approx(28 * 50)
    assert began.since == TODAY - timedelta(days=21)


def test_usage_that_stopped_may_stay_at_nothing() -> None:
    """The longer it stopped, the less is expected; from the ninth week on nothing."""
    stopped = {weeks: end([100.0] * 120 + [0.0] * 7 * weeks) for weeks in (1, 3, 8)}
    assert 2800 > stopped[1][0] > stopped[3][0] > stopped[8][0] == 0
    assert stopped[3][1] == 0


def test_a_burst_is_no_pace() -> None:
    """A campaign on one day may come again or not: the low end is without it, the high end with more than one."""
    expected, low, high = end([10.0] * 90 + [5_000.0] + [10.0] * 20)
    assert low == 0
    assert expected < 5_000 < high


def test_the_range_is_wide_for_usage_that_jumps_and_narrow_for_usage_that_does_not() -> None:
    jumpy = end([100.0 * (1 + (day // 7) % 2) for day in range(112)])
    steady = end([150.0 + day % 2 for day in range(112)])
    assert (jumpy[2] - jumpy[1]) / jumpy[0] > 0.3
    assert (steady[2] - steady[1]) / steady[0] < 0.02


def test_a_negative_correction_takes_nothing_away_in_the_future() -> None:
    made = outlook([100.0] * 60 + [-5_000.0] + [100.0] * 3)
    assert all(point.low >= 0 and point.expected >= 0 for point in made.points)
    assert made.points[-1].high > 2_800


def test_growth_goes_on_from_the_newest_weeks() -> None:
    growing = [100.0 * 1.1 ** (day // 7) for day in range(112)]
    assert end(growing, 7)[0] > 1.15 * sum(growing[-56:]) / 8


def test_a_level_that_rose_goes_on_to_rise_and_one_that_stands_still_stays() -> None:
    assert end([2.0] * 60, counted=False) == pytest.approx((56, 56, 56))
    assert end([0.0] * 60, counted=False) == (0, 0, 0)


def test_a_level_that_falls_goes_on_to_fall() -> None:
    expected, low, high = end([-1.0, -3.0] * 40, counted=False)
    assert expected == pytest.approx(-56, abs=2)
    assert low <= expected <= high < 0


def test_what_the_meter_itself_knows_comes_first_and_the_usual_week_after_it() -> None:
    made = make_outlook([10.0] * 60, TODAY, TODAY + timedelta(days=5), counted=True, ahead=[100.0, 0.0])
    assert made is not None
    assert [point.expected for point in made.points] == pytest.approx([100, 100, 110, 120, 130])
    assert made.accuracy is None
    assert make_outlook([10.0] * 13, TODAY, TODAY + timedelta(days=5), counted=True, ahead=[1.0]) is None


def test_a_month_has_a_point_for_each_day_and_a_year_for_every_other_week() -> None:
    assert point_days(1) == [1]
    assert point_days(31) == list(range(1, 32))
    assert point_days(365) == [*range(1, 365, 14), 365]


def test_the_basis_says_how_well_it_did_before() -> None:
    assert outlook(OFFICE_WEEK * 20, 30).accuracy == (28, 15, pytest.approx(0), True)
    assert outlook([2.0] * 70, 30, counted=False).accuracy == (28, 5, pytest.approx(0), False)


@given(counted_days, horizons)
def test_what_is_counted_only_grows_and_its_range_only_widens(increments: list[float], days: int) -> None:
    made = make_outlook(increments, TODAY, TODAY + timedelta(days=days), counted=True)
    if made is None:
        return
    before = (0.0, 0.0, 0.0, 0.0)
    for point in made.points:
        assert 0 <= point.low <= point.expected <= point.high
        assert point.days > before[0]
        assert point.expected >= before[1]
        assert point.low >= before[2]
        assert point.high >= before[3]
        slack = 1e-9 * point.high
        assert point.high - point.expected >= before[3] - before[1] - slack
        before = point
    assert made.points[-1].days == days
    assert len(made.points) <= 32


@given(level_days, horizons)
def test_the_range_of_a_level_holds_what_is_expected_and_only_widens(increments: list[float], days: int) -> None:
    made = make_outlook(increments, TODAY, TODAY + timedelta(days=days), counted=False)
    assert made is not None
    width = 0.0
    for point in made.points:
        assert point.low <= point.expected <= point.high
        assert point.high - point.low >= width - 1e-6 * max(1, abs(point.high), abs(point.low))
        width = point.high - point.low


@given(counted_days, horizons)
def test_the_same_history_gives_the_same_outlook(increments: list[float], days: int) -> None:
    until = TODAY + timedelta(days=days)
    assert make_outlook(increments, TODAY, until, counted=True) == make_outlook(
        list(increments), TODAY, until, counted=True
    )


@given(counted_days, st.integers(-6, 6).map(lambda power: 2.0**power))
def test_the_unit_makes_no_difference(increments: list[float], factor: float) -> None:
    one = make_outlook(increments, TODAY, TODAY + timedelta(days=30), counted=True)
    other = make_outlook([each * factor for each in increments], TODAY, TODAY + timedelta(days=30), counted=True)
    if one is not None and other is not None:
        assert other.points[-1].expected == pytest.approx(one.points[-1].expected * factor, rel=1e-6, abs=1e-6)
