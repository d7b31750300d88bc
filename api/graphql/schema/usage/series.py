"""Series of usage in the schema: the answer of the usage explorer."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import strawberry
from strawberry.scalars import JSON

from core.explaining.explore import ExploredGroup, ExploredUsage
from core.languages.words import Words

_JOINED: Final = " · "


@strawberry.type(description="The usage of a calendar interval.")
class UsagePoint:
    start: datetime = strawberry.field(
        description="The first instant of the interval. The first interval begins with the range."
    )
    end: datetime = strawberry.field(description="The first instant after the interval, or after the range.")
    amount: float = strawberry.field(
        description="The sum of a counter in the interval, or a level at the end of the interval."
    )


@strawberry.type(name="UsageSeries", description="The usage of a group: of the values by which usage is grouped.")
class UsageGroup:
    group: strawberry.Private[ExploredGroup]
    usage: strawberry.Private[ExploredUsage]
    words: strawberry.Private[Words]

    @strawberry.field(
        description='The values of the group by dimension, for example `{"channel": "print"}`. An empty value stands '
        "for usage without a value."
    )
    def key(self) -> JSON:
        return JSON(dict(zip(self.usage.query.group_by, self.group.key, strict=True)))

    @strawberry.field(description="The display names of the values, in the order of `groupBy`.")
    def label(self) -> str:
        query = self.usage.query
        if not query.group_by:
            return self.words.text(query.meter.title) if query.meter else query.event.name
        known = {dimension.key: dimension.values for dimension in query.event.dimensions}
        labels = []
        for name, value, label in zip(query.group_by, self.group.key, self.group.label, strict=True):
            declared = known.get(name, {}).get(value)
            shown = label or self.words.sentence("Not specified")
            labels.append(shown if declared is None else self.words.text(declared))
        return _JOINED.join(labels)

    @strawberry.field(description="The sum of all days of a counter, or a level at their end.")
    def total(self) -> float:
        return float(self.group.total)

    @strawberry.field(
        description="The points, oldest first. A counter has a point for each interval. A level has none for intervals "
        "in which no level was reported, or in which the entity is closed."
    )
    def points(self) -> list[UsagePoint]:
        return _points(self.usage, self.group.amounts)


@strawberry.type(description="The usage of a license over time, in series.")
class UsageSeriesSet:
    usage: strawberry.Private[ExploredUsage]
    words: strawberry.Private[Words]

    @strawberry.field(description="The type of the usage events that are counted, for example `interaction.sent`.")
    def event(self) -> str:
        return self.usage.query.event.name

    @strawberry.field(
        description="The kind of the event: `counter` if quantities are added up, `level` if the newest value counts."
    )
    def kind(self) -> str:
        return self.usage.query.event.kind

    @strawberry.field(description="The first instant of the first day.")
    def start(self) -> datetime:
        return self.usage.period.starts_at

    @strawberry.field(description="The first instant after the last day.")
    def end(self) -> datetime:
        return self.usage.period.ends_at

    @strawberry.field(
        description="The usage of all series and the rest. Corrections can make the sum of a counter negative, where a "
        "reading shows 0."
    )
    def total(self) -> float:
        return float(self.usage.total)

    @strawberry.field(
        description="The largest groups, the largest first, at most `top`. Without `groupBy`, all usage is one series."
    )
    def series(self) -> list[UsageGroup]:
        return [UsageGroup(group=group, usage=self.usage, words=self.words) for group in self.usage.groups]

    @strawberry.field(description="The usage of all other groups. 0 if there are none.")
    def rest(self) -> float:
        return float(self.usage.rest)

    @strawberry.field(description="The points of all other groups together, oldest first.")
    def rest_points(self) -> list[UsagePoint]:
        return _points(self.usage, self.usage.rest_amounts)


def _points(usage: ExploredUsage, amounts: Sequence[Decimal | None]) -> list[UsagePoint]:
    return [
        UsagePoint(start=start, end=end, amount=float(amount))
        for (start, end), amount in zip(usage.instants, amounts, strict=True)
        if amount is not None
    ]
