"""What a process remembers of places: as much as it may, the latest first."""

from hypothesis import given
from hypothesis import strategies as st

from core.admission.place_cache import PlaceCache, Remembered


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


@given(st.integers(1, 20), st.lists(st.integers(0, 30), max_size=200))
def test_it_never_holds_more_than_it_may_and_tells_no_lies(most: int, numbers: list[int]) -> None:
    memory = PlaceCache(most)
    for number in numbers:
        found = memory.find(name(number))
        assert found in (None, Remembered(number, number))
        memory.keep(name(number), Remembered(number, number))
        assert memory.find(name(number)) == Remembered(number, number)
        assert len(memory) <= max(most, 2)


def test_what_is_asked_for_again_outlives_what_is_not() -> None:
    memory = PlaceCache(4)
    for number in range(6):
        memory.keep(name(number), Remembered(1, 1))
        assert memory.find(name(0))
    assert memory.find(name(1)) is None


def test_a_later_window_takes_the_place_of_an_earlier_one() -> None:
    memory = PlaceCache(4)
    memory.keep(name(1), Remembered(1, 1))
    memory.keep(name(1), Remembered(2, 2))
    assert memory.find(name(1)) == Remembered(2, 2)
