"""Readings in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.common.arguments import After, Before
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.interval import Interval
from api.graphql.schema.common.node import Info, Node, Problem
from api.graphql.schema.common.period import Period
from api.graphql.schema.common.scalars import number
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.explanation import Explanation, explanation_of
from api.graphql.schema.consumption.forecast import Forecast, current_forecast
from api.graphql.schema.consumption.history import HistoryPage, ReadingHistoryConnection, reading_history
from api.graphql.schema.consumption.ids import view_id
from api.graphql.schema.consumption.share import Share
from api.graphql.schema.meters.meter import Meter
from core.consumption import view
from core.consumption.readings.judged_reading import Problem as StoredProblem
from core.consumption.readings.judged_reading import Threshold as StoredThreshold
from core.consumption.readings.state import ReadingState
from core.consumption.view import Freshness
from core.languages.basis import basis_in_words
from core.languages.words import Words

describe_enum(
    ReadingState,
    "The state of a reading: whether usage is measured against a limit, and if not, why.",
    MEASURED="Usage was measured against a limit. The status says how they compare.",
    NOTHING_REPORTED="The contract sets a limit, but no usage was reported yet. The status is UNKNOWN.",
    NEVER_MEASURED="The meter was never measured for this license. The status is UNKNOWN.",
    NOT_IN_CONTRACT="The contract in force sets no limit, and no usage was reported: the feature was never sold. The "
    "reading is no part of the status of its section and of the consumption.",
    UNLIMITED="The contract in force sets no limit, and usage was reported. The status is OK.",
    TERM_ONLY="The meter shows a term of the contract and has no usage. The status is OK.",
    NO_CONTRACT="No contract is in force, so nothing is agreed. The status is UNKNOWN, except for credits that were "
    "granted.",
)
describe_enum(
    Freshness,
    "The freshness of a reading: whether it is as new as its meter promises.",
    FRESH="The reading is as new as its meter promises.",
    STALE="The last refresh failed or is overdue. The last good values are still shown.",
    NEVER="The meter was never measured for this license.",
)


@strawberry.type(
    description="A threshold of a limit. Crossing a threshold alerts people. Only the full limit and the at-risk "
    "ratio change the status as well."
)
class Threshold:
    threshold: strawberry.Private[StoredThreshold]

    @strawberry.field(description="The threshold as a ratio of the limit, for example 0.8.")
    def ratio(self) -> float:
        return float(self.threshold.ratio)

    @strawberry.field(description="The ratio times the limit, in the meter's unit.")
    def value(self) -> float:
        return float(self.threshold.value)

    @strawberry.field(description="The status of a reading that has crossed this threshold and no higher one.")
    def status(self) -> UsageStatus:
        return self.threshold.status

    @strawberry.field(
        description="The time since which the threshold is crossed in the period, as far as the history knows. Null if "
        "the threshold is not crossed."
    )
    def crossed_at(self) -> datetime | None:
        return self.threshold.crossed_at


@strawberry.type(description="The reading of one meter for a license: usage, limit and status.")
class Reading(Node):
    view: strawberry.Private[view.ReadingView]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return view_id("Reading", self.view, self.view.meter.key)

    @strawberry.field(description="The meter.")
    def meter(self, info: Info) -> Meter:
        return Meter(meter=self.view.meter, words=info.context.words)

    @strawberry.field(description="The status of the usage against the limit.")
    def status(self) -> UsageStatus:
        return self.view.reading.status

    @strawberry.field(description="The reason why the reading has usage and a limit, or why it lacks one of them.")
    def state(self) -> ReadingState:
        return self.view.reading.state

    @strawberry.field(
        description="The usage in the meter's unit. Null if the meter was never measured, or if it reports no usage."
    )
    def used(self) -> float | None:
        return number(self.view.reading.used)

    @strawberry.field(description="The limit in the meter's unit. Null if the contract sets no limit.")
    def limit(self) -> float | None:
        return number(self.view.reading.limit)

    @strawberry.field(
        description="The part of the limit that is left, in the meter's unit: the limit minus the usage, never below "
        "0; for credits the sum of what the grants have left. Null if the usage or the limit is null."
    )
    def remaining(self) -> float | None:
        return number(self.view.reading.remaining)

    @strawberry.field(
        description="The usage beyond the limit, in the meter's unit: the usage minus the limit, never below 0; for "
        "credits the usage that no grant paid for. Null if the usage or the limit is null."
    )
    def overage(self) -> float | None:
        return number(self.view.reading.overage)

    @strawberry.field(
        description="The number that a hard quota refused in its window: distinct installations without a place. The "
        "status is EXCEEDED while it is above 0. Null for limits that refuse nothing."
    )
    def refused(self) -> float | None:
        return number(self.view.reading.refused)

    @strawberry.field(
        description="The usage divided by the limit, for example 0.85. Null if the usage or the limit is null, or if "
        "the limit is 0."
    )
    def utilization(self) -> float | None:
        used, limit = self.view.reading.used, self.view.reading.limit
        return float(used / limit) if used is not None and limit else None

    @strawberry.field(
        description='The reason for the limit in the contract, for example "50 custom tables". Null if there is no '
        "limit."
    )
    def limit_basis(self, info: Info) -> str | None:
        basis = self.view.reading.basis
        return None if basis is None else basis_in_words(basis, self.view.meter, info.context.words)

    @strawberry.field(description="The thresholds that alert, lowest first.")
    def thresholds(self) -> list[Threshold]:
        return [Threshold(threshold=threshold) for threshold in self.view.reading.thresholds]

    @strawberry.field(
        description="The period over which `used` counts. Null if the meter shows a current level instead."
    )
    def period(self) -> Period | None:
        period = self.view.reading.period
        return None if period is None else Period(start=period.starts_at, end=period.ends_at)

    @strawberry.field(
        description="The shares of the usage by dimension, of the same moment as `used`. Every level can be broken "
        "down by `entity` on demand: name the dimension. Empty for a dimension without values."
    )
    def breakdown(
        self,
        info: Info,
        dimension: Annotated[
            str | None,
            strawberry.argument(
                description="Only the shares of this dimension. The default is all dimensions of the meter."
            ),
        ] = None,
    ) -> list[Share]:
        reading, words = self.view.reading, info.context.words
        shares = reading.shares if dimension is None else reading.shares_by(dimension)
        return [Share(share=share, meter=self.view.meter, words=words) for share in shares]

    @strawberry.field(description="The time of the last good measurement. Null if the meter was never measured.")
    def measured_at(self) -> datetime | None:
        return self.view.reading.measured_at

    @strawberry.field(description="The freshness of the reading.")
    def freshness(self) -> Freshness:
        return self.view.freshness

    @strawberry.field(
        description="The reason why the last refresh failed; the last good values are still shown. Null if the last "
        "refresh succeeded."
    )
    def problem(self, info: Info) -> Problem | None:
        return shown_problem(self.view.reading.problem, info.context.words)

    @strawberry.field(
        description="Where the usage is going until the end of the period, from the history of the meter. Null for a "
        "past day: a forecast is of the current consumption."
    )
    def forecast(self, info: Info) -> Forecast | None:
        return current_forecast(info, self.view)

    @strawberry.field(
        description="The reason why `used` and `limit` are what they are. Null if the meter was never measured."
    )
    def explanation(
        self,
        info: Info,
        first: Annotated[
            int | None,
            strawberry.argument(
                description="The maximum number of parts of usage, from 1 to 1,000, the newest first. All others are "
                "one part."
            ),
        ] = 100,
    ) -> Explanation | None:
        return explanation_of(info, self.view, first)

    @strawberry.field(
        description="The history of the reading: the last point of each interval, oldest first. Without `from` and "
        "`after`, a page has the newest points. Null only together with an error."
    )
    def history(
        self,
        info: Info,
        from_: Annotated[
            datetime | None,
            strawberry.argument(
                name="from",
                description="The start of the history. With `from` and without `last`, a page begins with the oldest "
                "point. The default is about a hundred intervals before the end, or more if `first` is larger. With "
                "`last` or `before` it is the beginning of all history.",
            ),
        ] = None,
        to: Annotated[
            datetime | None,
            strawberry.argument(
                description="The end of the history. A time in the last second of a day stands for the end of that "
                "day. The default is now, or the end of the day that the consumption is of."
            ),
        ] = None,
        interval: Annotated[
            Interval | None, strawberry.argument(description="The interval between two points.")
        ] = Interval.DAY,
        first: Annotated[
            int | None, strawberry.argument(description="The maximum number of points, from 1 to 1,000.")
        ] = 100,
        after: After = None,
        last: Annotated[
            int | None,
            strawberry.argument(
                description="The maximum number of points, counted back from the newest, from 1 to 1,000. It takes "
                "precedence over `first`."
            ),
        ] = None,
        before: Before = None,
        dimension: Annotated[
            str | None,
            strawberry.argument(
                description="The dimension of the `shares` of the points, for example `channel` or `entity`. It needs "
                "an interval of a day or more. By default points have no shares."
            ),
        ] = None,
    ) -> ReadingHistoryConnection | None:
        page = HistoryPage(first, after, last, before)
        return reading_history(info, self.view, from_, to, interval or Interval.DAY, page, dimension)


def shown_problem(problem: StoredProblem | None, words: Words) -> Problem | None:
    """Return a stored problem as the schema shows it, or None if there is none."""
    if problem is None:
        return None
    return Problem(code=problem.code, message=words.sentence(problem.message), since=problem.since)
