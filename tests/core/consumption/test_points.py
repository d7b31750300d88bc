"""Readings as history keeps them: as short as can be, and read as they were."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.points import Point, PointDelta, expand, merge, point_delta, point_of
from core.consumption.readings.status import UsageStatus

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
Document = dict[str, Any]


def document(used: str | None, limit: str | None = "10", status: str = "OK") -> Document:
    found = {"status": status, "used": used, "limit": limit}
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("now", "before", "entry"),
    [
        (document("5"), None, [5, 10]),
        (document("0.50", "10.0"), None, ["0.50", "10.0"]),
        (document("12", status="EXCEEDED"), None, [12, 10, "E"]),
        (document(None, None, "UNKNOWN"), None, [None, None, "U"]),
        (document("6"), document("5"), [6]),
        (document("5"), document("5"), []),
        (document("5", "11"), document("5"), [5, 11]),
        (document("12", status="EXCEEDED"), document("11", status="EXCEEDED"), [12]),
        (document("12", status="EXCEEDED"), document("5"), [12, 10, "E"]),
        (document(None, None), document("5", None), [None]),
        (document("999999999999999"), None, [999999999999999, 10]),
        (document("9007199254740993"), None, ["9007199254740993", 10]),
    ],
)
def test_an_entry_says_what_the_one_before_does_not(now: Document, before: Document | None, entry: PointDelta) -> None:
    assert point_delta(now, before) == entry


DOCUMENTS = st.builds(
    document,
    st.none() | st.sampled_from(["0", "7", "7.5", "123456789012345678.9"]),
    st.none() | st.sampled_from(["10", "12.50"]),
    st.sampled_from([status.value for status in UsageStatus]),
)


def point(one: Document) -> Point:
    used, limit = one.get("used"), one.get("limit")
    return Point(
        NOON,
        None if used is None else Decimal(used),
        None if limit is None else Decimal(limit),
        UsageStatus(one["status"]),
    )


@given(st.lists(DOCUMENTS, min_size=1, max_size=6), st.data())
def test_entries_are_read_as_they_were_also_where_some_are_joined(
    documents: list[Document], data: st.DataObject
) -> None:
    entries = [point_delta(one, before) for one, before in zip(documents, [None, *documents], strict=False)]
    kept: list[tuple[Document, PointDelta]] = []
    for one, entry in zip(documents, entries, strict=True):
        if kept and data.draw(st.booleans()):
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
