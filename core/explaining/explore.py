"""The usage explorer: series of usage by entity and dimension over time, from the rollups.

The sums of the groups and the rest are those that meters read, to the unit, as both come from the same rollups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

from allowance import Period
from allowance.exact import exact
from allowance.license import midnight
from sqlmodel import Session

from core.explaining.explore_levels import level_amounts, newest_levels
from core.explaining.explore_sums import daily_amounts, series_totals
from core.explaining.group_choice import ZERO, ChosenGroups, GroupKey, choose_groups
from core.explaining.usage_query import UsageQuery
from core.measuring.load_usage import load_entities

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExploredGroup:
    """A group of series in an answer.

    Attributes:
        key: The values by which the series are grouped, in the order of the query's `group_by`.
        label: The values as entities are shown to people; other values as they are.
        total: The sum of the days, or the level at their end.
        amounts: The sum or the level of each interval; None where no level was reported.
    """

    key: GroupKey
    label: GroupKey
    total: Decimal
    amounts: Sequence[Decimal | None]


@dataclass(frozen=True)
class ExploredUsage:
    """The answer to a query about usage: the largest groups, and the total and the amounts of all others."""

    query: UsageQuery
    total: Decimal
    groups: Sequence[ExploredGroup]
    rest: Decimal
    rest_amounts: Sequence[Decimal | None]

    @property
    def period(self) -> Period:
        """The days in the license's time zone."""
        return self.query.days.in_zone(self.query.license.license.time_zone)

    @cached_property
    def instants(self) -> Sequence[tuple[datetime, datetime]]:
        """The first instant of each interval, and the first instant after it."""
        zone = self.query.license.license.time_zone
        return [(midnight(first, zone), midnight(last + _DAY, zone)) for first, last in self.query.intervals]


def explore_usage(session: Session, query: UsageQuery) -> ExploredUsage:
    """Return the usage that a query is about, in a fixed number of statements.

    Corrections can make sums negative, also the total, where a reading shows 0.
    """
    entities = load_entities(session, [query.license.id])[query.license.id]
    if query.is_level:
        before, closed = (
            {entity.name for entity in entities if entity.is_closed(day)} for day in (query.days.first, query.days.last)
        )
        newest = [row for row in newest_levels(session, query, query.days.last) if row.entity not in before]
        without = {(row.entity, row.dimensions) for row in newest if row.entity in closed}
        chosen = choose_groups(query, newest, without)
        amounts = level_amounts(session, query, chosen, entities)
    else:
        chosen = choose_groups(query, series_totals(session, query))
        amounts = daily_amounts(session, query, chosen)
    labels = {entity.name: entity.label for entity in entities}
    groups = [
        ExploredGroup(group.key, _label(query, group.key, labels), group.total, amounts[number])
        for number, group in enumerate(chosen.top)
    ]
    return ExploredUsage(query, _total(chosen), groups, chosen.rest, amounts[len(groups)])


def _label(query: UsageQuery, key: GroupKey, labels: dict[str, str]) -> GroupKey:
    return tuple(
        labels.get(value, value) if name == "entity" else value for name, value in zip(query.group_by, key, strict=True)
    )


def _total(chosen: ChosenGroups) -> Decimal:
    with exact():
        return sum((group.total for group in chosen.top), ZERO) + chosen.rest
