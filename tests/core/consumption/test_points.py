"""Readings as history keeps them: as short as can be, and read as they were."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.points import Point, PointDelta, expand, merge, point_delta, point_of
from core.consumption.readings.judged_reading import UsageAgainstLimit
from core.consumption.readings.status import UsageStatus

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


def usage(used: str | None, limit: str | None = "10", status: str = "OK") -> UsageAgainstLimit:
    numbers = (None if text is None else Decimal(text) for text in (used, limit))
    return UsageAgainstLimit(UsageStatus(status), *numbers)


@pytest.mark.parametrize(
    ("now", "before", "entry"),
    [
        (usage("5"), None, [5, 10]),
        (usage("0.50", "10.0"), None, ["0.50", "10.0"]),
        (usage("12", status="EXCEEDED"), None, [12, 10, "E"]),
        (usage(None, None, "UNKNOWN"), None, [None, None, "U"]),
        (usage("6"), usage("5"), [6]),
        (usage("5"), usage("5"), []),
        (usage("5", "11"), usage("5"), [5, 11]),
        (usage("12", status="EXCEEDED"), usage("11", status="EXCEEDED"), [12]),
        (usage("12", status="EXCEEDED"), usage("5"), [12, 10, "E"]),
        (usage(None, None), usage("5", None), [None]),
        (usage("999999999999999"), None, [999999999999999, 10]),
        (usage("9007199254740993"), None, ["9007199254740993", 10]),
    ],
)
def test_an_entry_says_what_the_one_before_does_not(
    now: UsageAgainstLimit, before: UsageAgainstLimit | None, entry: PointDelta
) -> None:
    assert point_delta(now, before) == entry


READINGS = st.builds(
    usage,
    st.none() | st.sampled_from(["0", "7", "7.5", "123456789012345678.9"]),
    st.none() | st.sampled_from(["10", "12.50"]),
    st.sampled_from([status.value for status in UsageStatus]),
)


def point(one: UsageAgainstLimit) -> Point:
    return Point(NOON, one.used, one.limit, one.status)


@given(st.lists(READINGS, min_size=1, max_size=6), st.data())
def test_entries_are_read_as_they_were_also_where_some_are_joined(
    readings: list[UsageAgainstLimit], data: st.DataObject
) -> None:
    entries = [point_delta(one, before) for one, before in zip(readings, [None, *readings], strict=False)]
    kept: list[tuple[UsageAgainstLimit, PointDelta]] = []
    for one, entry in zip(readings, entries, strict=True):
        if kept and data.draw(st.booleans()):  # type: ignore[arg-type]
            kept[-1] = one, merge(kept[-1][1], entry)
        else:
            kept.append((one, entry))
    before: PointDelta | None = None
    for one, entry in kept:
        before = expand(orjson.loads(orjson.dumps(entry)), before)
        assert before is not None
        assert point_of(NOON, before) == point(one)


def test_what_an_entry_leaves_out_is_not_guessed() -> None:
    assert expand([5], None) is None
    assert expand([], None) is None
