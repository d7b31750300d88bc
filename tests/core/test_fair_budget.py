"""Whatever some take, there is something left for who takes nothing yet."""

from hypothesis import given
from hypothesis import strategies as st

from core.fair_budget import FairBudget
from tests.forms import examples


def taken(budget: FairBudget, holder: str) -> int:
    """What a holder gets that takes as much as it can, one by one."""
    number = 0
    while budget.has_room(holder):
        budget.add(holder, 1)
        number += 1
    return number


def test_one_may_have_all_of_its_own_and_the_next_half_of_what_is_free_each() -> None:
    budget = FairBudget(100)
    assert [taken(budget, holder) for holder in "abcde"] == [100, 50, 25, 13, 6]
    budget.add("a", -100)
    assert taken(budget, "a") == 53  # as much as is free then: 200 - 94 - 53


def test_more_than_a_holder_may_have_is_refused_at_once() -> None:
    budget = FairBudget(100)
    assert budget.has_room("a", 100)
    assert not budget.has_room("a", 101)


@examples(100)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-30, 60)), max_size=60))
def test_all_together_never_hold_more_than_twice_the_bound_and_a_newcomer_finds_room(
    steps: list[tuple[str, int]],
) -> None:
    budget, held = FairBudget(100), dict.fromkeys("abcd", 0)
    for holder, wanted in steps:
        size = max(wanted, -held[holder])
        if size > 0 and not budget.has_room(holder, size):
            continue
        budget.add(holder, size)
        held[holder] += size
        assert max(held.values()) <= 100
        assert sum(held.values()) < 200
        assert budget.has_room("newcomer")
