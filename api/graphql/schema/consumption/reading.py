"""Readings in the schema."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info, Node, Problem
from api.graphql.schema.common.period import Period
from api.graphql.schema.common.scalars import number
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.history import ReadingHistoryConnection, reading_history
from api.graphql.schema.consumption.ids import view_id
from api.graphql.schema.meters.meter import Meter
from core.consumption import view
from core.consumption.intervals import Interval
from core.consumption.readings.documents import StoredShare
from core.consumption.readings.documents import Threshold as StoredThreshold
from core.consumption.view import Freshness

describe_enum(
    Freshness,
    "Whether a reading is as new as its meter promises.",
    FRESH="As new as promised.",
    STALE="The last refresh failed, or is overdue: the last good reading stands.",
    NEVER="Not measured yet.",
)


@strawberry.type(
    description="A ratio of the limit that alerts; the whole limit and the at-risk ratio change the status as well."
)
class Threshold:
    threshold: strawberry.Private[StoredThreshold]

    @strawberry.field(description="The part of the limit, as 0.8.")
    def ratio(self) -> float:
        return float(self.threshold.ratio)

    @strawberry.field(description="The ratio times the limit, in the meter's unit.")
    def value(self) -> float:
        return float(self.threshold.value)

    @strawberry.field(description="The status beyond it.")
    def status(self) -> UsageStatus:
        return self.threshold.status

    @strawberry.field(description="When a refresh found it crossed in this period; null while it is not.")
    def crossed_at(self) -> datetime | None:
        return self.threshold.crossed_at


@strawberry.type(description="A part of the usage: one value of one dimension.")
class Share:
    share: strawberry.Private[StoredShare]

    @strawberry.field(description="The dimension, as `channel` or `entity`.")
    def dimension(self) -> str:
        return self.share.dimension

    @strawberry.field(description="The value; empty for usage that named none.")
    def key(self) -> str:
        return self.share.key

    @strawberry.field(description="What people call the value.")
    def label(self) -> str:
        return self.share.label

    @strawberry.field(description="What was used of it, in the meter's unit.")
    def used(self) -> float:
        return float(self.share.used)

    @strawberry.field(description="What is set apart for it; null where nothing is.")
    def limit(self) -> float | None:
        return number(self.share.limit)

    @strawberry.field(description="limit − used, never below 0; null without a limit.")
    def remaining(self) -> float | None:
        return None if self.share.limit is None else _not_below_zero(self.share.limit - self.share.used)


@strawberry.type(description="What a meter found for a license.")
class Reading(Node):
    view: strawberry.Private[view.ReadingView]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return view_id("Reading", self.view, self.view.meter.key)

    @strawberry.field(description="The meter that found it.")
    def meter(self) -> Meter:
        return Meter(meter=self.view.meter)

    @strawberry.field(description="The reading against its limit.")
    def status(self) -> UsageStatus:
        return self.view.reading.status

    @strawberry.field(description="In the meter's unit; null where not measured, or where there is nothing to use.")
    def used(self) -> float | None:
        return number(self.view.reading.used)

    @strawberry.field(description="In the meter's unit; null where the contract sets none.")
    def limit(self) -> float | None:
        return number(self.view.reading.limit)

    @strawberry.field(description="limit − used, never below 0; null without both.")
    def remaining(self) -> float | None:
        used, limit = self.view.reading.used, self.view.reading.limit
        return None if used is None or limit is None else _not_below_zero(limit - used)

    @strawberry.field(description="used − limit, never below 0; null without both.")
    def overage(self) -> float | None:
        used, limit = self.view.reading.used, self.view.reading.limit
        return None if used is None or limit is None else _not_below_zero(used - limit)

    @strawberry.field(description="used ÷ limit; null without a limit, and for a limit of 0.")
    def utilization(self) -> float | None:
        used, limit = self.view.reading.used, self.view.reading.limit
        return float(used / limit) if used is not None and limit else None

    @strawberry.field(description='How the limit came about, as "50 custom tables"; null without a limit.')
    def limit_basis(self) -> str | None:
        return self.view.reading.basis

    @strawberry.field(description="The ratios of the limit that alert, lowest first.")
    def thresholds(self) -> list[Threshold]:
        return [Threshold(threshold=threshold) for threshold in self.view.reading.thresholds]

    @strawberry.field(description="What `used` counts over; null for what stands at a value.")
    def period(self) -> Period | None:
        period = self.view.reading.period
        return None if period is None else Period(start=period.starts_at, end=period.ends_at)

    @strawberry.field(description="The parts of the usage.")
    def breakdown(
        self,
        dimension: Annotated[str | None, strawberry.argument(description="Only this dimension.")] = None,
    ) -> list[Share]:
        return [
            Share(share=share)
            for share in self.view.reading.shares
            if dimension is None or share.dimension == dimension
        ]

    @strawberry.field(description="When it was measured; null where it never was.")
    def measured_at(self) -> datetime | None:
        return self.view.reading.measured_at

    @strawberry.field(description="Whether it is as new as its meter promises.")
    def freshness(self) -> Freshness:
        return self.view.freshness

    @strawberry.field(description="Why the last refresh failed: the last good values stand. Null where it did not.")
    def problem(self) -> Problem | None:
        problem = self.view.reading.problem
        if problem is None:
            return None
        return Problem(code=problem.code, message=problem.message, since=problem.since)

    @strawberry.field(description="The last point of each interval, oldest first. Null only where it failed.")
    def history(
        self,
        info: Info,
        from_: Annotated[
            datetime | None,
            strawberry.argument(name="from", description="The start; left out, a hundred intervals before the end."),
        ] = None,
        to: Annotated[datetime | None, strawberry.argument(description="The end; left out, now.")] = None,
        interval: Annotated[
            Interval | None, strawberry.argument(description="How far apart points are.")
        ] = Interval.DAY,
        first: Annotated[int | None, strawberry.argument(description="Points at the most, up to 1,000.")] = 100,
        after: After = None,
    ) -> ReadingHistoryConnection | None:
        return reading_history(info, self.view, from_, to, interval, first, after)


def _not_below_zero(difference: Decimal) -> float:
    return float(max(difference, Decimal(0)))
