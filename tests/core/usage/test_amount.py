"""Amounts: what is taken, and that nothing is lost on the way."""

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.usage.amount import LARGEST, NANOS, NotAnAmount, from_nanos, to_nanos

STORED = st.tuples(st.integers(0, LARGEST - 1), st.integers(0, NANOS - 1))


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (0, (0, 0)),
        (1, (1, 0)),
        (25_000, (25_000, 0)),
        (LARGEST, (LARGEST, 0)),
        (float(LARGEST), (LARGEST, 0)),
        (1.5, (1, 500_000_000)),
        # What the sender wrote, not the binary number next to it.
        (0.1, (0, 100_000_000)),
        (1e-9, (0, 1)),
        (4503599627370495.5, (4503599627370495, 500_000_000)),
        (-0.0, (0, 0)),
        (Decimal("0.123456789"), (0, 123_456_789)),
        (Decimal("9007199254740991.999999999"), (LARGEST - 1, 999_999_999)),
        (Decimal("1.5000000000000"), (1, 500_000_000)),
        (Decimal("1E+3"), (1000, 0)),
    ],
)
def test_a_number_is_kept_exactly(value: object, stored: tuple[int, int]) -> None:
    assert to_nanos(value) == stored


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "must be a number"),
        (None, "must be a number"),
        ("5", "must be a number"),
        ([1], "must be a number"),
        (float("nan"), "must be a finite number"),
        (float("inf"), "must be a finite number"),
        (float("-inf"), "must be a finite number"),
        (Decimal("sNaN"), "must be a finite number"),
        *(
            (finer, "must have 9 digits after the point at most")
            for finer in [
                Decimal("0.0000000005"),
                Decimal("0.0000000015"),
                Decimal("0.00000000050000000000000000000000000000000001"),
                Decimal("1000000000000000.00000000050000000000001"),
                Decimal("9007199254740991.9999999999"),
                5e-324,
                Decimal("1E-999999"),
                0.1 + 0.2,
            ]
        ),
        (-1, "must not be negative"),
        (-0.5, "must not be negative"),
        (-1e-12, "must not be negative"),
        (-(10**400), "must not be negative"),
        (Decimal("-1E+999999"), "must not be negative"),
        (LARGEST + 1, "must be 9007199254740992 at most"),
        (float(LARGEST + 2), "must be 9007199254740992 at most"),
        (Decimal("9007199254740992.000000001"), "must be 9007199254740992 at most"),
        (10**400, "must be 9007199254740992 at most"),
        (1e308, "must be 9007199254740992 at most"),
        (Decimal("1E+999999"), "must be 9007199254740992 at most"),
    ],
)
def test_what_cannot_be_an_amount_is_refused_with_the_reason(value: object, message: str) -> None:
    with pytest.raises(NotAnAmount) as refused:
        to_nanos(value)
    assert str(refused.value) == message


@given(STORED)
def test_what_is_stored_reads_as_what_was_sent(stored: tuple[int, int]) -> None:
    sent = from_nanos(*stored)
    assert Fraction(sent) == Fraction(stored[0]) + Fraction(stored[1], NANOS)
    assert to_nanos(sent) == stored


@given(st.floats(0, LARGEST, allow_nan=False))
def test_a_float_is_its_shortest_decimal_or_is_refused(value: float) -> None:
    exact = Decimal(repr(value))
    try:
        assert from_nanos(*to_nanos(value)) == exact
    except NotAnAmount:
        assert Fraction(exact) * NANOS % 1 != 0


@given(st.lists(STORED, max_size=50))
def test_the_sum_of_stored_amounts_is_the_exact_sum(amounts: list[tuple[int, int]]) -> None:
    whole = sum(amount[0] for amount in amounts)
    nanos = sum(amount[1] for amount in amounts)
    *_, exact = accumulate((Fraction(from_nanos(*amount)) for amount in amounts), initial=Fraction(0))
    assert Fraction(from_nanos(whole, nanos)) == exact


def test_a_joined_amount_has_no_zeros_at_its_end() -> None:
    assert str(from_nanos(5, 0)) == "5"
    assert str(from_nanos(5, 500_000_000)) == "5.5"
    assert str(from_nanos(0, 3 * NANOS)) == "3"
    assert str(from_nanos(100, 0)) == "100"
