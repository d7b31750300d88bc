"""Windows of hard quotas: places are taken at their beginning."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.forecast.usual_window import make_window_outlook

MONTH = [600.0, 200.0, 100.0, 50.0, 20.0, 10.0] + [1.0] * 22
"""A window of 28 days, with 1,002 places."""
FIRST = date(2027, 2, 1)
WEEKS = timedelta(days=28)


def test_a_window_that_is_nearly_full_stays_nearly_full() -> None:
    """The rule of the usual week would have expected the rush of the first days once more."""
    made = make_window_outlook(MONTH * 2 + MONTH[:10], [FIRST, FIRST + WEEKS, FIRST + 2 * WEEKS], day(66), day(84))
    assert made is not None
    assert made.points[-1].expected == pytest.approx(18)
    assert made.points[-1].high < 30


def test_a_fuller_window_goes_on_fuller() -> None:
    twice = [2 * places for places in MONTH[:10]]
    made = make_window_outlook(MONTH * 2 + twice, [FIRST, FIRST + WEEKS, FIRST + 2 * WEEKS], day(66), day(84))
    assert made is not None
    assert made.points[-1].expected == pytest.approx(36)


def test_a_window_that_begins_today_is_expected_to_be_like_those_before() -> None:
    made = make_window_outlook(MONTH * 2, [FIRST, FIRST + WEEKS, FIRST + 2 * WEEKS], day(56), day(84))
    assert made is not None
    assert made.points[0].expected == 600
    assert made.points[-1].expected == pytest.approx(1002)


def test_a_single_window_before_says_little() -> None:
    made = make_window_outlook(MONTH + MONTH[:3], [FIRST, FIRST + WEEKS], day(31), day(56))
    assert made is not None
    expected, low, high = made.points[-1][1:]
    assert low < 0.5 * expected
    assert high > 1.5 * expected


def test_the_first_window_needs_fourteen_days() -> None:
    assert make_window_outlook(MONTH[:13], [FIRST], day(13), day(28)) is None
    assert make_window_outlook(MONTH[:14], [FIRST], day(14), day(28)) is not None
    assert make_window_outlook([], [FIRST], day(0), day(28)) is None


@given(st.lists(st.integers(0, 1000), min_size=28, max_size=200), st.integers(1, 60))
def test_places_are_only_taken(places: list[int], days: int) -> None:
    starts = [day(number) for number in range(0, len(places) + 1, 28)]
    made = make_window_outlook([*map(float, places)], starts, day(len(places)), day(len(places) + days))
    if made is None:
        return
    before = (0.0, 0.0, 0.0, 0.0)
    for point in made.points:
        assert 0 <= point.low <= point.expected <= point.high
        assert all(now >= then for now, then in zip(point, before, strict=True))
        before = point


def day(number: int) -> date:
    return FIRST + timedelta(days=number)
