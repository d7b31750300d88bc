"""So many a second for each caller, and a burst of what was not used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access import rate_limit
from core.access.rate_limit import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_at_once_and_then_as_many_as_come_back() -> None:
    clock = Clock()
    limit = RateLimit(2, 3, clock)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.take("b") == 0
    clock.now += 0.25
    assert limit.take("a") == 0.25
    clock.now += 0.25
    assert [limit.take("a"), limit.take("a")] == [0, 0.5]
    clock.now += 1000
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


@given(st.integers(1, 50), st.integers(1, 50), st.lists(st.integers(0, 2000), max_size=100))
def test_over_any_time_nobody_gets_more_than_burst_and_rate(rate: int, burst: int, pauses: list[int]) -> None:
    clock = Clock()
    limit = RateLimit(rate, burst, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause / 1000
        wait = limit.take("a")
        taken += wait == 0
        assert taken <= burst + (clock.now - 100) * rate + 1e-6
        if wait:
            clock.now += wait + 1e-9
            assert limit.take("a") == 0
            taken += 1


def test_the_callers_that_are_held_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_CALLERS", 3)
    limit = RateLimit(1, 1, Clock())
    assert [limit.take(caller) for caller in "abca"] == [0, 0, 0, 1]
    assert limit.take("d") == 0
    assert limit.take("a") == 0
