"""The groups of series of an answer: the largest one by one, and all others as the rest."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from allowance.exact import exact

from core.explaining.usage_query import UsageQuery, values_of
from core.measuring.load_usage import read_dimensions

ZERO: Final = Decimal(0)
SeriesName: TypeAlias = tuple[str, str]
"""The entity of a series, and its dimensions as canonical JSON."""
GroupKey: TypeAlias = tuple[str, ...]
"""The values of a group, in the order of the dimensions by which a query groups."""


class SeriesAmount(NamedTuple):
    """An amount of a series, by its entity and its dimensions as canonical JSON."""

    entity: str
    dimensions: str
    amount: Decimal


class GroupTotal(NamedTuple):
    """A group of series with its total."""

    key: GroupKey
    total: Decimal


@dataclass(frozen=True, slots=True)
class ChosenGroups:
    """The groups of an answer.

    Attributes:
        top: The largest groups, the largest first. Of equal ones, that with the lower key comes first.
        rest: The total of all other groups.
        numbers: The number of the group of each series: its index in `top`, or the length of `top` for the rest.
    """

    top: Sequence[GroupTotal]
    rest: Decimal
    numbers: Mapping[SeriesName, int]


def choose_groups(
    query: UsageQuery, totals: Iterable[SeriesAmount], without: Collection[SeriesName] = ()
) -> ChosenGroups:
    """Group the series of a query, and choose the largest groups.

    Args:
        query: The query.
        totals: The total of each series.
        without: Series whose total does not count, as their entity is closed. They still belong to a group.
    """
    members: dict[SeriesName, GroupKey] = {}
    sums: dict[GroupKey, Decimal] = {}
    with exact():
        for row in totals:
            key = values_of(query, row.entity, read_dimensions(row.dimensions))
            if key is None:
                continue
            name = row.entity, row.dimensions
            members[name] = key
            sums[key] = sums.get(key, ZERO) + (ZERO if name in without else row.amount)
        ordered = sorted((GroupTotal(*group) for group in sums.items()), key=lambda group: (-group.total, group.key))
        top, others = ordered[: query.top], ordered[query.top :]
        rest = sum((group.total for group in others), ZERO)
    number_of = {group.key: number for number, group in enumerate(top)}
    return ChosenGroups(top, rest, {name: number_of.get(key, len(top)) for name, key in members.items()})
