"""The pace of a connection."""

from hypothesis import given
from hypothesis import strategies as st

from api.http.pace import WINDOW, Pace
from tests.forms import examples


def run(pace: Pace, amounts: list[int], rate: int) -> int | None:
    """The second in which a phase that transfers these amounts is slow, if it ever is."""
    done = 0
    pace.seconds_in("body", 0)
    for second, amount in enumerate(amounts, 1):
        done += amount
        assert pace.seconds_in("body", second, done) == second
        if pace.is_slow(second, done, rate):
            return second
    return None


@examples(100)
@given(st.lists(st.integers(0, 20), min_size=0, max_size=60), st.integers(0, 15))
def test_a_phase_is_slow_at_the_end_of_the_first_window_with_too_few_bytes(amounts: list[int], rate: int) -> None:
    windows = [sum(amounts[start : start + WINDOW]) for start in range(0, len(amounts) - WINDOW + 1, WINDOW)]
    slow = [number for number, done in enumerate(windows, 1) if done < WINDOW * rate]
    assert run(Pace(), amounts, rate) == (slow[0] * WINDOW if slow else None)


def test_a_new_phase_begins_at_zero() -> None:
    pace = Pace()
    assert [pace.seconds_in("head", second) for second in (5, 6, 9)] == [0, 1, 4]
    assert pace.seconds_in("body", 10, 500) == 0
    assert not pace.is_slow(19, 500, 1)
    assert pace.is_slow(20, 509, 1)
    pace.rest()
    assert pace.seconds_in("body", 21, 500) == 0


def test_more_to_transfer_begins_a_new_window() -> None:
    pace = Pace()
    pace.seconds_in("unread", 0, -100)
    assert not pace.is_slow(9, -900, 10)
    assert not pace.is_slow(18, -900, 10)
    assert pace.is_slow(19, -801, 10)
