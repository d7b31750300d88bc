"""The status rules at their boundaries."""

from decimal import Decimal
from fractions import Fraction

import pytest
from allowance import Enforcement, Limit
from allowance.reading import Number
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.readings.status import SEVERITY, WORST_FIRST, UsageStatus, status_of, worst

OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN
RATIO = Decimal("0.8")
HAIR = Decimal("1e-9")
NUMBERS = st.one_of(
    st.integers(0, 2**60),
    st.decimals(0, 10**12, places=9),
    st.fractions(0, 10**9, max_denominator=10**9),
)


def soft(used: Number | None, limit: Number | None, at_risk: Decimal | None = None) -> UsageStatus:
    return status_of(used, None if limit is None else Limit(limit, "basis"), at_risk, Enforcement.SOFT)


@pytest.mark.parametrize(
    ("used", "limit", "at_risk", "expected"),
    [
        (799, 1000, RATIO, OK),
        (Decimal("799.999999999"), 1000, RATIO, OK),
        (800, 1000, RATIO, AT_RISK),
        (Decimal("800.000000001"), 1000, RATIO, AT_RISK),
        (1000, 1000, RATIO, AT_RISK),
        (Decimal("1000.000000001"), 1000, RATIO, EXCEEDED),
        (1001, 1000, RATIO, EXCEEDED),
        (800, 1000, None, OK),
        (1000, 1000, None, OK),
        (Decimal("1000.000000001"), 1000, None, EXCEEDED),
        (0, 1000, RATIO, OK),
        # 100 % as the ratio: at risk exactly at the limit.
        (Decimal("999.999999999"), 1000, Decimal(1), OK),
        (1000, 1000, Decimal(1), AT_RISK),
        # 0.8 × 12.5 = 10 exactly, which floats miss for some of these.
        (10, Decimal("12.5"), RATIO, AT_RISK),
        (Decimal("9.999999999"), Decimal("12.5"), RATIO, OK),
        (Decimal("0.56"), Decimal("0.7"), RATIO, AT_RISK),
        (Decimal("0.559999999"), Decimal("0.7"), RATIO, OK),
    ],
)
def test_at_risk_from_the_ratio_up_to_the_limit_and_exceeded_over_it(
    used: Number, limit: Number, at_risk: Decimal | None, expected: UsageStatus
) -> None:
    assert soft(used, limit, at_risk) is expected


@pytest.mark.parametrize("at_risk", [None, RATIO])
def test_a_limit_of_zero_allows_nothing_and_nothing_is_ok(at_risk: Decimal | None) -> None:
    assert soft(0, 0, at_risk) is OK
    assert soft(Decimal("0.000000000"), Decimal("0"), at_risk) is OK
    assert soft(HAIR, 0, at_risk) is EXCEEDED


@pytest.mark.parametrize(
    ("used", "limit", "at_risk", "expected"),
    [
        (Fraction(8, 3), Fraction(10, 3), RATIO, AT_RISK),
        (Fraction(8, 3) - Fraction(1, 10**30), Fraction(10, 3), RATIO, OK),
        (Fraction(10, 3), Fraction(10, 3), RATIO, AT_RISK),
        (Fraction(10, 3) + Fraction(1, 10**30), Fraction(10, 3), RATIO, EXCEEDED),
        (Fraction(1, 3), Decimal("0.3333333333333333333333333333"), None, EXCEEDED),
        (Fraction(1, 3), Decimal("0.3333333333333333333333333334"), None, OK),
        (Fraction(12, 1), Decimal(12), None, OK),
        (Fraction(12 * 10**9 + 1, 10**9), Decimal(12), None, EXCEEDED),
    ],
)
def test_fractions_are_compared_exactly(
    used: Number, limit: Number, at_risk: Decimal | None, expected: UsageStatus
) -> None:
    assert soft(used, limit, at_risk) is expected


def test_numbers_beyond_28_digits_are_compared_exactly() -> None:
    limit = Decimal(2**53) * 2**53
    assert soft(limit, limit) is OK
    assert soft(Fraction(limit) + Fraction(1, 10**9), limit) is EXCEEDED
    assert soft(Fraction(limit) * Fraction(8, 10) - Fraction(1, 10**9), limit, RATIO) is OK
    assert soft(Fraction(limit) * Fraction(8, 10), limit, RATIO) is AT_RISK


def test_without_a_limit_usage_is_ok_and_not_measured_is_unknown() -> None:
    assert soft(10**15, None, RATIO) is OK
    assert soft(None, None) is UNKNOWN
    assert soft(None, 0) is UNKNOWN
    assert soft(None, 10, RATIO) is UNKNOWN


@pytest.mark.parametrize(
    ("used", "granted", "expected"),
    [(0, 100, OK), (Decimal("99.999999999"), 100, OK), (100, 100, EXCEEDED), (101, 100, EXCEEDED), (0, 0, OK)],
)
def test_a_stock_is_exceeded_once_nothing_is_left_of_it(used: Number, granted: Number, expected: UsageStatus) -> None:
    limit = Limit(granted, "credits granted", exhaustible=True)
    assert status_of(used, limit, None, Enforcement.SOFT) is expected


def test_a_stock_can_be_at_risk_before_it_is_used_up() -> None:
    limit = Limit(100, "credits granted", exhaustible=True)
    assert status_of(Decimal("79.9"), limit, RATIO, Enforcement.SOFT) is OK
    assert status_of(80, limit, RATIO, Enforcement.SOFT) is AT_RISK
    assert status_of(Decimal("99.9"), limit, RATIO, Enforcement.SOFT) is AT_RISK
    assert status_of(100, limit, RATIO, Enforcement.SOFT) is EXCEEDED


def test_a_term_with_no_usage_to_hold_is_ok() -> None:
    assert status_of(None, Limit(13, "13 months"), None, Enforcement.NONE) is OK
    assert status_of(None, None, None, Enforcement.NONE) is OK


def test_a_hard_limit_has_the_same_statuses() -> None:
    limit = Limit(10, "installations")
    assert status_of(7, limit, RATIO, Enforcement.HARD) is OK
    assert status_of(8, limit, RATIO, Enforcement.HARD) is AT_RISK
    assert status_of(10, limit, RATIO, Enforcement.HARD) is AT_RISK
    assert status_of(11, limit, RATIO, Enforcement.HARD) is EXCEEDED


@given(NUMBERS, NUMBERS, st.none() | st.decimals("0.01", 1, places=2))
def test_the_status_is_what_exact_arithmetic_says(used: Number, limit: Number, at_risk: Decimal | None) -> None:
    u, most = Fraction(used), Fraction(limit)
    if u > most:
        expected = EXCEEDED
    elif at_risk is not None and u > 0 and u / most >= Fraction(at_risk):
        expected = AT_RISK
    else:
        expected = OK
    assert soft(used, limit, at_risk) is expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], OK),
        ([OK], OK),
        ([OK, UNKNOWN], UNKNOWN),
        ([UNKNOWN, AT_RISK, OK], AT_RISK),
        ([AT_RISK, UNKNOWN, EXCEEDED, OK], EXCEEDED),
        ([UNKNOWN, UNKNOWN], UNKNOWN),
    ],
)
def test_the_worst_is_exceeded_then_at_risk_then_unknown_then_ok(
    statuses: list[UsageStatus], expected: UsageStatus
) -> None:
    assert worst(statuses) is expected
    assert worst(reversed(statuses)) is expected


def test_lists_of_the_worst_rank_as_the_rules_do() -> None:
    assert sorted(UsageStatus, key=SEVERITY.__getitem__, reverse=True) == list(WORST_FIRST)
    assert WORST_FIRST == (EXCEEDED, AT_RISK, UNKNOWN, OK)
