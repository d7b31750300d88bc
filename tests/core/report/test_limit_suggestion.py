"""The limit that a report suggests."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.report.limit_suggestion import round_up, suggest_limit

DAY = date(2026, 3, 14)
amounts = st.decimals("0.001", "1e15", places=3, allow_nan=False)


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        ("0.2", 1),
        ("7", 7),
        ("7.01", 8),
        ("19", 19),
        ("21", 22),
        ("22", 22),
        ("23", 25),
        ("96", 100),
        ("101", 110),
        ("1000", 1000),
        ("1001", 1100),
        ("200530", 220_000),
        ("1651000", 1_800_000),
        ("999999", 1_000_000),
    ],
)
def test_a_limit_is_a_number_that_people_write_into_contracts(number: str, rounded: int) -> None:
    assert round_up(Decimal(number)) == rounded


@given(amounts)
def test_rounding_up_never_falls_short_and_adds_a_sixth_at_the_most_to_a_whole_number(number: Decimal) -> None:
    rounded = round_up(number)

    assert number <= rounded
    assert rounded == rounded.to_integral_value()
    assert rounded <= max(number + 1, number * 7 / 6 + 1)
    assert round_up(rounded) == rounded


@given(amounts, amounts)
def test_more_demand_never_gets_a_lower_limit(one: Decimal, other: Decimal) -> None:
    lower, higher = sorted((one, other))

    assert round_up(lower) <= round_up(higher)


def test_the_headroom_is_added_to_the_demand() -> None:
    suggestion = suggest_limit(Decimal(182_300), DAY, Decimal("0.1"))

    assert suggestion is not None
    assert suggestion.limit == 220_000  # of 200,530
    assert (suggestion.demand, suggestion.demand_on, suggestion.headroom) == (182_300, DAY, Decimal("0.1"))


def test_no_demand_speaks_for_no_limit() -> None:
    assert suggest_limit(Decimal(0), DAY, Decimal("0.1")) is None
