"""The points of a history in the schema."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import strawberry
from allowance import Meter

from api.graphql.context import Context
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.scalars import number
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.share import Share
from core.consumption.increments import increments
from core.consumption.intervals import Span
from core.consumption.past_shares import measure_shares
from core.consumption.points import Point
from core.consumption.readings.judged_reading import ReadingShare
from core.consumption.view import ReadingView


class PointsOfPage:
    """The points of a page together, for what needs the point before, or is measured for all of them at once."""

    def __init__(
        self,
        context: Context,
        view: ReadingView,
        points: Sequence[Point],
        before: Point | None,
        span: Span,
        dimension: str | None,
    ) -> None:
        """Hold the points of a page.

        Args:
            context: The context of the operation.
            view: The reading.
            points: The points of the page, oldest first.
            before: The point before them if it was read with them, or None.
            span: The part of the history that was read.
            dimension: The dimension of the shares, or None for no shares.
        """
        self._context = context
        self._view = view
        self._points = points
        self._before = before
        self._span = span
        self._dimension = dimension

    def day(self, point: Point) -> date:
        """Return the day of a point in the license's time zone."""
        return self._view.license.day_of(point.at)

    def contract_version(self, point: Point) -> int | None:
        """Return the version of the contract in force on the day of a point, or None without a contract."""
        version = self._view.license.version_on(self.day(point))
        return None if version is None else version.version

    @property
    def meter(self) -> Meter:
        """The meter of the history."""
        return self._view.meter

    def increment(self, point: Point) -> Decimal | None:
        """Return how much usage a point adds; see :func:`core.consumption.increments.increments`."""
        return self._increments[point.at]

    def shares(self, point: Point) -> Sequence[ReadingShare]:
        """Return the shares of a point: of its day if it is at the end of the day, of the reading if it is that."""
        if self._dimension is None:
            return ()
        if self._is_end(point):
            return self._measured.get(self.day(point), ())
        reading = self._view.reading
        return reading.shares_by(self._dimension) if point.at == reading.measured_at else ()

    def _is_end(self, point: Point) -> bool:
        return point.at == self._view.license.end_of(self.day(point))

    @cached_property
    def _increments(self) -> Mapping[datetime, Decimal | None]:
        view, span = self._view, self._span
        before = self._before
        if before is None and span.after is not None:
            last = Span(span.interval, None, span.after, 1, newest=True)
            found = self._context.history(view.license, view.meter.key, last)
            before = found[-1] if found else None
        added = increments(view.license, view.meter, before, self._points)
        return {point.at: increment for point, increment in zip(self._points, added, strict=True)}

    @cached_property
    def _measured(self) -> Mapping[date, Sequence[ReadingShare]]:
        if self._dimension is None:
            return {}
        context, services = self._context, self._context.services
        days = {self.day(point) for point in self._points if self._is_end(point)}
        return measure_shares(
            context.session,
            self._view.license,
            self._view.meter,
            days,
            self._dimension,
            services.registry,
            services.measurer,
            context.now,
        )


@strawberry.type(description="A reading at a past time.")
class ReadingPoint:
    point: strawberry.Private[Point]
    page: strawberry.Private[PointsOfPage]

    @strawberry.field(description="The time of the reading.")
    def at(self) -> datetime:
        return self.point.at

    @strawberry.field(description="The day of the reading in the license's time zone.")
    def day(self) -> date:
        return self.page.day(self.point)

    @strawberry.field(description="The usage in the meter's unit. Null if the meter was not measured.")
    def used(self) -> float | None:
        return number(self.point.used)

    @strawberry.field(
        description="The usage that was added since the point before, in the meter's unit. If usage begins again at "
        "zero with a period, it counts since the beginning of the period of this point at most, so that the "
        "increments of a period add up to `used`. Below 0 if a level fell or usage was corrected. Null if `used` is "
        "null."
    )
    def increment(self) -> float | None:
        return number(self.page.increment(self.point))

    @strawberry.field(
        description="The limit in the meter's unit, by the contract of that time. Null if that contract set no limit."
    )
    def limit(self) -> float | None:
        return number(self.point.limit)

    @strawberry.field(description="The status of the usage, by the contract of that time.")
    def status(self) -> UsageStatus:
        return self.point.status

    @strawberry.field(description="The version of the contract in force on that day. Null if none was.")
    def contract_version(self) -> int | None:
        return self.page.contract_version(self.point)

    @strawberry.field(
        description="The shares of `used` by the dimension that `history` names, late usage included. Empty without a "
        "dimension, and for a point within a day, except for the current reading."
    )
    def shares(self, info: Info) -> list[Share]:
        meter, words = self.page.meter, info.context.words
        return [Share(share=share, meter=meter, words=words) for share in self.page.shares(self.point)]
