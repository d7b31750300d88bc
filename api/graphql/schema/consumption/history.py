"""The history of a reading, as a connection."""

from datetime import UTC, datetime, timedelta
from typing import Final

import strawberry

from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor, encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.scalars import number, page_size
from api.graphql.schema.common.status import UsageStatus
from core.consumption.intervals import Interval, Span
from core.consumption.points import Point
from core.consumption.view import ReadingView
from core.errors import BadInput

describe_enum(
    Interval,
    "The interval between two points of a history. Intervals follow the calendar in the license's time zone.",
    HOUR="One hour.",
    DAY="One calendar day.",
    WEEK="One week, from Monday on.",
    MONTH="One calendar month.",
)
_FIELD: Final = "history"
_EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
# About a hundred intervals.
_DEFAULT_LENGTH: Final = {
    Interval.HOUR: timedelta(hours=100),
    Interval.DAY: timedelta(days=100),
    Interval.WEEK: timedelta(weeks=100),
    Interval.MONTH: timedelta(days=3044),
}


@strawberry.type(description="A reading at a past time.")
class ReadingPoint:
    point: strawberry.Private[Point]

    @strawberry.field(description="The time of the reading.")
    def at(self) -> datetime:
        return self.point.at

    @strawberry.field(description="The usage in the meter's unit. Null if the meter was not measured.")
    def used(self) -> float | None:
        return number(self.point.used)

    @strawberry.field(
        description="The limit in the meter's unit, by the contract of that time. Null if that contract set no limit."
    )
    def limit(self) -> float | None:
        return number(self.point.limit)

    @strawberry.field(description="The status of the usage, by the contract of that time.")
    def status(self) -> UsageStatus:
        return self.point.status


@strawberry.type(description="A page of the history of a reading, oldest first (Relay connection).")
class ReadingHistoryConnection(Connection[ReadingPoint]):
    pass


def reading_history(
    info: Info,
    view: ReadingView,
    start: datetime | None,
    end: datetime | None,
    interval: Interval | None,
    first: int | None,
    after: str | None,
) -> ReadingHistoryConnection:
    """Return a page of the history of a reading: the last point of each interval, oldest first.

    Args:
        info: The operation.
        view: The reading.
        start: The start of the history; None stands for about a hundred intervals before the end.
        end: The end of the history; None stands for now.
        interval: The interval between two points; None stands for a day.
        first: The most points of the page; None stands for 100.
        after: The cursor of the last point of the previous page; None stands for the first page.

    Raises:
        BadInput: The times are in the wrong order, or out of range.
        core.errors.BadCursor: The cursor is not of a history.
    """
    size = page_size(first, 100, 1000)
    interval = interval or Interval.DAY
    until = end or info.context.now
    try:
        begin = start or until - _DEFAULT_LENGTH[interval]
    except OverflowError:
        raise BadInput("`to` is too early.") from None
    if begin > until:
        raise BadInput("`from` must not be after `to`.")
    exclusive = begin - timedelta(microseconds=1) if begin > _EARLIEST else begin
    if after is not None:
        (at,) = decode_cursor(after, _FIELD, str)
        exclusive = max(exclusive, cursor_time(at))
    span = Span(interval, exclusive, until, size + 1)
    points = info.context.history(view.license, view.meter.key, span)
    return ReadingHistoryConnection.page(
        points,
        size,
        after,
        cursor=lambda point: encode(_FIELD, point.at.isoformat()),
        node=lambda point: ReadingPoint(point=point),
    )
