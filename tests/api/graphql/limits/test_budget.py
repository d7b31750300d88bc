"""A key spends a budget of cost, which comes back at a steady rate; others' budgets are their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.graphql.limits import budget as module
from api.graphql.limits.budget import SECONDS, CostBudget
from core.errors import RateLimited
from tests.forms import examples


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that tests move."""
    now = [100.0]
    limit = module.RateLimit
    monkeypatch.setattr(module, "RateLimit", lambda rate, burst: limit(rate, burst, lambda: now[0]))
    return now


def left(budget: CostBudget, key: str = "a") -> int:
    return budget.status(key)["currentlyAvailable"]


def test_a_reservation_is_settled_for_the_time_that_was_taken(clock: list[float]) -> None:
    budget = CostBudget(1000, 5000)
    assert budget.status("a") == {"maximumAvailable": 5000, "currentlyAvailable": 5000, "restoreRate": 1000}
    reservation = budget.reserve("a", 2000)
    assert left(budget) == 3000
    reservation.settle(500 * SECONDS)
    assert left(budget) == 4500
    reservation.settle(0)  # again
    assert left(budget) == 4500
    clock[0] += 0.25
    assert left(budget) == 4750


def test_at_least_a_tenth_of_the_cost_is_charged_and_nothing_for_what_did_not_begin(clock: list[float]) -> None:
    budget = CostBudget(1000, 5000)
    budget.reserve("a", 2000).settle(0)
    assert left(budget) == 4800
    budget.reserve("a", 2000).settle(None)
    assert left(budget) == 4800


def test_a_key_with_too_little_left_learns_when_to_come_back_and_others_have_theirs(clock: list[float]) -> None:
    budget = CostBudget(1000, 5000)
    budget.reserve("a", 4000)
    with pytest.raises(RateLimited, match=r"The operation costs 3000, and this key has less .* Come back in 2 s"):
        budget.reserve("a", 3000)
    budget.reserve("b", 5000)
    clock[0] += 2
    budget.reserve("a", 3000)


def test_an_operation_that_took_longer_than_it_costs_leaves_a_debt(clock: list[float]) -> None:
    budget = CostBudget(1000, 5000)
    budget.reserve("a", 1000).settle(8000 * SECONDS)
    assert (left(budget), round(budget.seconds_in_debt("a"), 6)) == (0, 3)
    with pytest.raises(RateLimited):
        budget.reserve("a", 1)
    clock[0] += 3.001
    assert budget.seconds_in_debt("a") == 0
    budget.reserve("a", 1)


def test_the_dearest_operation_fits_into_the_budget_of_a_low_rate(clock: list[float]) -> None:
    CostBudget(10, 100_000).reserve("a", 100_000)


@examples(100)
@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 0.02), st.floats(0, 2)), max_size=30))
def test_over_any_time_a_key_spends_no_more_than_its_budget_and_one_operation(
    steps: list[tuple[int, float, float]],
) -> None:
    now = [0.0]
    limit = module.RateLimit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RateLimit", lambda rate, burst: limit(rate, burst, lambda: now[0]))
        budget = CostBudget(1000, 3000)
    spent = dearest = 0.0
    for cost, seconds, pause in steps:
        now[0] += pause
        try:
            budget.reserve("a", cost).settle(seconds)
        except RateLimited:
            continue
        charge = max(seconds / SECONDS, cost / 10)
        spent += charge
        dearest = max(dearest, charge)
        assert spent <= 3000 + now[0] * 1000 + dearest + 1e-6
