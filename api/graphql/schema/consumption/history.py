"""The history of a reading, as a connection."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import strawberry

from api.graphql.opaque import encode
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor
from api.graphql.schema.common.interval import Interval
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.consumption.history_point import PointsOfPage, ReadingPoint
from core.consumption.intervals import Span
from core.consumption.points import Point
from core.consumption.view import ReadingView
from core.errors import BadInput

_FIELD: Final = "history"
_EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_LENGTH: Final = {
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(weeks=1),
    Interval.MONTH: timedelta(days=30.44),
}


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The arguments that select a page of a history. `last` takes precedence over `first`, which has a default."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


@strawberry.type(description="A page of the history of a reading, oldest first (Relay connection).")
class ReadingHistoryConnection(Connection[ReadingPoint]):
    pass


def reading_history(
    info: Info,
    view: ReadingView,
    start: datetime | None,
    end: datetime | None,
    interval: Interval,
    page: HistoryPage,
    dimension: str | None,
) -> ReadingHistoryConnection:
    """Return a page of the history of a reading: the last point of each interval, oldest first.

    Args:
        info: The operation.
        view: The reading. The history of a reading of the past ends with the day of the reading.
        start: The start of the history; None stands for its beginning. A page without a start, a cursor and `last`
            goes back about a hundred intervals at the least.
        end: The end of the history; None stands for now.
        interval: The interval between two points.
        page: The part of the history to return.
        dimension: The dimension of the points' shares, or None for no shares.

    Raises:
        BadInput: The times are in the wrong order or out of range, both `after` and `before` are given, or a dimension
            with an interval shorter than a day.
        core.errors.BadCursor: A cursor is not of a history.
    """
    if page.after is not None and page.before is not None:
        raise BadInput("Give `after` or `before`, not both.")
    if dimension is not None and interval is Interval.HOUR:
        raise BadInput("Shares are known for the ends of days: with `dimension`, the interval is DAY, WEEK or MONTH.")
    size = page_size(page.first, 100, 1000) if page.last is None else page_size(page.last, 100, 1000, "last")
    newest = page.last is not None or page.before is not None or (start is None and page.after is None)
    until = _end_of_history(view, end, info.context.now)
    begin = start
    if begin is None and page.last is None and page.before is None:
        begin = _default_start(until, interval, size)
    if begin is not None and begin > until:
        raise BadInput("`from` must not be after `to`.")
    exclusive = begin - _INSTANT if begin and begin > _EARLIEST else begin
    before = None
    if page.after is not None:
        after = _time_of(page.after, "after")
        exclusive = after if exclusive is None else max(exclusive, after)
    elif page.before is not None:
        before = _time_of(page.before, "before")
        until = min(until, before - _INSTANT)
    span = Span(interval, exclusive, until, size + 1, newest, before)
    points = info.context.history(view.license, view.meter.key, span)
    shown, earlier = (points[-size:], points[-size - 1 : -size]) if newest else (points[:size], [])
    of_page = PointsOfPage(info.context, view, shown, earlier[0] if earlier else None, span, dimension)

    def node_of(point: Point) -> ReadingPoint:
        return ReadingPoint(point=point, page=of_page)

    if newest:
        return ReadingHistoryConnection.last_page(points, size, page.before, cursor=_cursor_of, node=node_of)
    return ReadingHistoryConnection.page(points, size, page.after, cursor=_cursor_of, node=node_of)


def _end_of_history(view: ReadingView, end: datetime | None, now: datetime) -> datetime:
    """Return the last instant of a history.

    A time in the last second of a day stands for the end of that day, since callers know days' ends in seconds or
    milliseconds, and points are at the last microsecond of a day.
    """
    last = now if view.day is None else view.license.end_of(view.day)
    if end is None or end >= last:
        return last
    day_end = view.license.end_of(view.license.day_of(end))
    return day_end if day_end - end < _SECOND else end


def _default_start(until: datetime, interval: Interval, size: int) -> datetime:
    try:
        return until - _LENGTH[interval] * max(size + 1, 100)
    except OverflowError:
        raise BadInput("`to` is too early.") from None


def _time_of(cursor: str, argument: str) -> datetime:
    (at,) = decode_cursor(cursor, _FIELD, str, argument=argument)
    return cursor_time(at, argument)


def _cursor_of(point: Point) -> str:
    return encode(_FIELD, point.at.isoformat())
