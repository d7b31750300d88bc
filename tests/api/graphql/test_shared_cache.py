"""A cache that keys share: bounded in all, and for each key."""

from hypothesis import given
from hypothesis import strategies as st

from api.graphql.shared_cache import SharedCache


def cache(most: int = 10, share: int = 4) -> SharedCache[str, str]:
    return SharedCache(most, share, len)


def test_a_key_pushes_out_its_own_values_first() -> None:
    found = cache()
    found.put("a", "aa", "other")
    for number in range(5):
        found.put(f"{number}", "xx", "flooder")
    assert [found.get(f"{number}") for number in range(5)] == [None, None, None, "xx", "xx"]
    assert found.get("a") == "aa"


def test_what_is_used_stays_and_what_is_larger_than_a_share_is_not_kept() -> None:
    found = cache()
    found.put("a", "aa", "one")
    found.put("b", "bb", "one")
    found.get("a")
    found.put("c", "cc", "one")
    found.put("d", "ddddd", "one")
    assert [found.get(key) for key in "abcd"] == ["aa", None, "cc", None]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.text(max_size=5), st.sampled_from("xyz"))))
def test_neither_all_nor_an_owner_has_more_than_its_bound(puts: list[tuple[str, str, str]]) -> None:
    found = cache()
    for key, value, owner in puts:
        found.put(key, value, owner)
        assert found.get(key) in (value, None)
        assert (found.get(key) is None) is (len(value) > 4)
        assert max(map(found.used_by, "xyz")) <= 4
        kept = [found.get(each) for each in "abcdef"]
        assert sum(len(each) for each in kept if each is not None) == sum(map(found.used_by, "xyz")) <= 10
