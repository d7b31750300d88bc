"""The bars and figures of a drawn consumption, exact at the limit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.drawing import draw_bar
from cli.statuses import percent
from core.consumption.readings.judged_reading import JudgedReading, Threshold
from core.consumption.readings.status import UsageStatus

AMOUNTS = st.decimals(0, 10**12, places=3)


@given(AMOUNTS, AMOUNTS, st.integers(4, 60))
def test_a_bar_is_full_only_at_the_limit_and_empty_only_without_usage(
    used: Decimal, limit: Decimal, width: int
) -> None:
    threshold = Threshold(Decimal(1), limit, UsageStatus.EXCEEDED)
    reading = JudgedReading(UsageStatus.OK, used, limit, thresholds=(threshold,))
    bar = draw_bar(reading, width).plain
    if max(used, limit) <= 0:
        assert bar == ""
        return
    assert len(bar) == width
    assert ("·" not in bar) is (used >= limit)
    assert ("█" in bar or "▒" in bar) is (used > 0)


@pytest.mark.parametrize(
    ("part", "shown"),
    [("0", "0 %"), ("0.99999", "99.9 %"), ("1", "100 %"), ("1.00001", "100.1 %"), ("12.5", "1,250 %")],
)
def test_only_the_full_limit_is_shown_as_100_percent(part: str, shown: str) -> None:
    assert percent(Decimal(part)) == shown
