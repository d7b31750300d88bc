"""What a process remembers of places: as much as it may, the latest first."""

from hypothesis import given
from hypothesis import strategies as st

from core.admission.place_cache import CachedPlace, PlaceCache


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


@given(st.integers(1, 20), st.lists(st.integers(0, 30), max_size=200))
def test_it_never_holds_more_than_it_may_and_tells_no_lies(most: int, numbers: list[int]) -> None:
    cache = PlaceCache(most)
    for number in numbers:
        found = cache.get(name(number))
        assert found in (None, CachedPlace(number, number, 0))
        cache.put(name(number), CachedPlace(number, number, 0))
        assert cache.get(name(number)) == CachedPlace(number, number, 0)
        assert len(cache) <= max(most, 2)


def test_what_is_asked_for_again_outlives_what_is_not() -> None:
    cache = PlaceCache(4)
    for number in range(6):
        cache.put(name(number), CachedPlace(1, 1, 0))
        assert cache.get(name(0))
    assert cache.get(name(1)) is None


def test_a_later_window_takes_the_place_of_an_earlier_one() -> None:
    cache = PlaceCache(4)
    cache.put(name(1), CachedPlace(1, 1, 0))
    cache.put(name(1), CachedPlace(2, 2, 0))
    assert cache.get(name(1)) == CachedPlace(2, 2, 0)
