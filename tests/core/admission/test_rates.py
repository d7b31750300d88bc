"""The rate of newcomers follows the quota."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.admission.rates import newcomers_per_hour


@pytest.mark.parametrize(
    ("places", "an_hour"), [(0, 10), (3, 10), (20, 10), (22, 11), (50, 25), (2000, 1000), (2002, 1000), (10**9, 1000)]
)
def test_half_of_the_quota_may_come_in_an_hour(places: int, an_hour: int) -> None:
    assert newcomers_per_hour(places) == an_hour


@given(st.integers(20, 2**62))
def test_no_key_fills_a_quota_at_once(places: int) -> None:
    assert newcomers_per_hour(places) <= places / 2
