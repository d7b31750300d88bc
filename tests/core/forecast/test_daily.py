"""Daily increments, across the beginnings of periods and days that nobody measured."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from core.forecast.daily import daily_increments

JAN_30 = date(2028, 1, 30)


def month(day: date) -> date:
    return day.replace(day=1)


def never(day: date) -> None:
    return None


def days(*used: float) -> dict[date, float]:
    return {date.fromordinal(JAN_30.toordinal() + number): amount for number, amount in enumerate(used)}


def test_each_day_adds_what_it_is_above_the_day_before() -> None:
    assert daily_increments(days(100, 110, 110, 105), never) == (10, 0, -5)


def test_the_first_day_of_a_period_adds_all_of_its_usage() -> None:
    assert daily_increments(days(500, 510, 7, 9), month) == (10, 7, 2)


def test_a_leap_day_is_a_day() -> None:
    leap = {date(2028, 2, 28): 10.0, date(2028, 2, 29): 15.0, date(2028, 3, 1): 2.0}
    assert daily_increments(leap, month) == (5, 2)


def test_days_of_unknown_ends_share_what_was_added() -> None:
    gap = {date(2028, 1, 2): 10.0, date(2028, 1, 6): 30.0}
    assert daily_increments(gap, month) == (5, 5, 5, 5)


def test_days_of_unknown_ends_before_a_new_period_get_the_pace_of_the_new_one() -> None:
    gap = {date(2028, 1, 30): 500.0, date(2028, 2, 3): 30.0}
    assert daily_increments(gap, month) == (10, 10, 10, 10)


def test_a_contract_that_begins_another_period_begins_at_zero() -> None:
    begins = date(2028, 2, 1)
    assert daily_increments(days(500, 510, 20), lambda day: begins if day >= begins else None) == (10, 20)


def test_without_two_days_nothing_is_known() -> None:
    assert daily_increments({}, never) == daily_increments(days(5), never) == ()


@given(st.lists(st.integers(-1000, 1000), max_size=50))
def test_increments_of_a_level_add_up_to_its_change(levels: list[int]) -> None:
    increments = daily_increments(days(*map(float, levels)), never)
    assert len(increments) == max(len(levels) - 1, 0)
    assert sum(increments) == (levels[-1] - levels[0] if levels else 0)
