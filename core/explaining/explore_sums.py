"""Sums of counters by group and interval, from the rollups."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from allowance.exact import exact
from sqlalchemy import Integer, String, and_
from sqlmodel import Session

from core.database.dialect import values_table
from core.explaining.group_choice import ZERO, ChosenGroups, SeriesAmount
from core.explaining.usage_query import UsageQuery
from core.usage.exact_sums import summed, sums_of
from core.usage.tables import UsageSeries, UsageSum

_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_SUM: Final = UsageSum.__table__  # type: ignore[attr-defined]
_MEMBERS: Final[dict[str, Any]] = {"entity": String(), "dimensions": String(), "group_number": Integer()}


def series_totals(session: Session, query: UsageQuery) -> Iterable[SeriesAmount]:
    """Return the sum of each series over the days of a query."""
    keys = _SERIES.c.entity, _SERIES.c.dimensions
    statement = (
        sa.select(*keys, *sums_of(_SUM.c))
        .select_from(_SERIES.join(_SUM, _within(query)))
        .where(_SERIES.c.license_id == query.license.id, _SERIES.c.event == query.event.name)
        .group_by(_SERIES.c.id, *keys)
    )
    for entity, dimensions, *sums in session.execute(statement):
        yield SeriesAmount(entity, dimensions, summed(*sums))


def daily_amounts(session: Session, query: UsageQuery, chosen: ChosenGroups) -> Sequence[Sequence[Decimal]]:
    """Return the sum of each group in each interval; those of the rest come last."""
    amounts = [[ZERO] * len(query.intervals) for _ in range(len(chosen.top) + 1)]
    firsts = [interval.first for interval in query.intervals]
    with exact():
        for number, day, amount in _read_days(session, query, chosen):
            amounts[number][bisect_right(firsts, day) - 1] += amount
    return amounts


def _read_days(session: Session, query: UsageQuery, chosen: ChosenGroups) -> Iterable[tuple[int, date, Decimal]]:
    """Yield the sum of each group on each day that has any."""
    if not chosen.numbers:
        return
    members = values_table(session, _MEMBERS, [(*name, number) for name, number in chosen.numbers.items()], "members")
    # Materialized, since SQLite would read the values from their text anew for each row.
    members = members.prefix_with("MATERIALIZED")
    joined = members.join(
        _SERIES,
        and_(
            _SERIES.c.license_id == query.license.id,
            _SERIES.c.event == query.event.name,
            _SERIES.c.entity == members.c.entity,
            _SERIES.c.dimensions == members.c.dimensions,
        ),
    ).join(_SUM, _within(query))
    keys = members.c.group_number, _SUM.c.day
    statement = sa.select(*keys, *sums_of(_SUM.c)).select_from(joined).group_by(*keys)
    for number, day, *sums in session.execute(statement):
        yield number, day, summed(*sums)


def _within(query: UsageQuery) -> sa.ColumnElement[bool]:
    """Return the condition that a sum is one of a series on one of the days of a query."""
    return and_(
        _SUM.c.license_id == query.license.id,
        _SUM.c.series_id == _SERIES.c.id,
        _SUM.c.day.between(query.days.first, query.days.last),
    )
