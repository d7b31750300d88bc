"""Pages of licenses and their counts, in orders that stay stable while licenses are added and change.

A page begins after the value and the key of a license, not after a number of licenses: a license that moves in the
order meanwhile is seen once or twice, and no other license is left out. A page without a filter reads its own rows from
an index. A filter or a count reads the narrow rows of all licenses at most.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col

from core.consumption.overview import meter_mark, severities_of
from core.consumption.readings.status import SEVERITY, WORST_FIRST, UsageStatus
from core.consumption.tables import LicenseOverview
from core.consumption.view import Freshness
from core.database.dialect import is_postgresql
from core.licenses.tables import LONGEST_NAME, License
from core.text import fold
from core.times import microseconds


class LicenseOrder(StrEnum):
    """The order of a list. Licenses that are equal in it are listed by key."""

    WORST_FIRST = "WORST_FIRST"
    KEY = "KEY"
    NAME = "NAME"
    UTILIZATION = "UTILIZATION"
    UPDATED = "UPDATED"


_KEY: Final = col(LicenseOverview.license_key)
_VALUES: Final[Mapping[LicenseOrder, Any]] = {
    LicenseOrder.WORST_FIRST: col(LicenseOverview.severity),
    LicenseOrder.NAME: col(License.name_order),
    LicenseOrder.UTILIZATION: col(LicenseOverview.utilization),
    LicenseOrder.UPDATED: col(LicenseOverview.updated_at),
}
_DESCENDING: Final = frozenset({LicenseOrder.WORST_FIRST, LicenseOrder.UTILIZATION})


@dataclass(frozen=True, slots=True)
class LicenseCursor:
    """The position of a license in an order: the value that the order compares, and the key.

    `value` is a number, a text in the order NAME, and 0 in the order KEY.
    """

    value: int | str
    key: str


@dataclass(frozen=True, slots=True)
class LicenseFilter:
    """The licenses of a list: those that meet all conditions. None stands for no condition.

    Attributes:
        statuses: The statuses of the licenses; with `meter` the statuses of that meter.
        search: A part of a key or name, in any case.
        freshness: The freshness of the licenses' readings at `now`.
        meter: The key of a meter that the licenses have in their contract, or usage of.
        now: The time at which freshness is judged.
    """

    now: datetime
    statuses: Collection[UsageStatus] | None = None
    search: str | None = None
    freshness: Collection[Freshness] | None = None
    meter: str | None = None


Rows: TypeAlias = list[tuple[int, LicenseCursor]]


def list_licenses(
    session: Session, shown: LicenseFilter, *, order: LicenseOrder, most: int, after: LicenseCursor | None = None
) -> Rows:
    """List licenses after a position.

    Args:
        session: The session of a transaction.
        shown: The licenses to list.
        order: The order of the list.
        most: The most licenses to return.
        after: The position after which the list begins, or None for its beginning.

    Returns:
        The ids of licenses with their positions.
    """
    if _finds_nothing(shown):
        return []
    value = _VALUES.get(order)
    by_name = order is LicenseOrder.NAME
    key = col(License.key) if by_name else _KEY  # of the table whose index has the order
    columns = [col(LicenseOverview.license_id), sa.literal(0) if value is None else value, key]
    statement = _filtered(session, _select(*columns), shown, joined=by_name).where(_of_statuses(session, shown))
    if value is None:
        start = statement if after is None else statement.where(key > after.key)
        return _read(session, start.order_by(key).limit(most))
    descending = order in _DESCENDING
    ordered = statement.order_by(value.desc() if descending else value, key)
    if after is None:
        return _read(session, ordered.limit(most))
    # Two statements, each of which begins at its place in the index, however far down the list it is.
    equal = statement.where(value == after.value, key > after.key).order_by(key)
    rows = _read(session, equal.limit(most))
    if len(rows) < most:
        beyond = ordered.where(value < after.value if descending else value > after.value)
        rows += _read(session, beyond.limit(most - len(rows)))
    return rows


def count_licenses(session: Session, shown: LicenseFilter) -> dict[UsageStatus, int]:
    """Count the licenses of a list by status, the worst first, also those whose status the list does not show.

    With a meter, its own status counts.
    """
    if _finds_nothing(shown):
        return dict.fromkeys(WORST_FIRST, 0)
    severity: Any = (
        col(LicenseOverview.severity)
        if shown.meter is None
        else sa.cast(_severity_of(session, shown.meter), sa.Integer)
    )
    counted = _filtered(session, _select(severity.label("counted"), sa.func.count()), shown).group_by("counted")
    counts: dict[int, int] = {row[0]: row[1] for row in session.execute(counted)}
    return {status: counts.get(SEVERITY[status], 0) for status in WORST_FIRST}


def freshness_of(overview: LicenseOverview, now: datetime) -> Freshness:
    """Return the freshness of a listed license at a time."""
    if not overview.updated_at:
        return Freshness.NEVER
    return Freshness.STALE if overview.stale_at < microseconds(now) else Freshness.FRESH


def _select(*columns: Any) -> sa.Select[Any]:
    return sa.select(*columns)


def _read(session: Session, statement: sa.Select[Any]) -> Rows:
    return [(row[0], LicenseCursor(row[1], row[2])) for row in session.execute(statement)]


def _finds_nothing(shown: LicenseFilter) -> bool:
    """Return whether a text is searched for that no key or name holds, and that databases refuse."""
    texts = (shown.search, shown.meter)
    return any(text is not None and ("\0" in text or len(text) > LONGEST_NAME) for text in texts)


def _filtered(
    session: Session, statement: sa.Select[Any], shown: LicenseFilter, *, joined: bool = False
) -> sa.Select[Any]:
    """Return the statement with all conditions but the status."""
    if joined or shown.search:
        statement = statement.join_from(LicenseOverview, License, col(License.id) == col(LicenseOverview.license_id))
    if shown.search:
        part = fold(shown.search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(col(License.search).like(f"%{part}%", escape="\\"))
    if shown.freshness is not None:
        statement = statement.where(sa.or_(sa.false(), *(_is(freshness, shown.now) for freshness in shown.freshness)))
    if shown.meter is not None:
        statement = statement.where(_place_of(session, shown.meter) > 0)
    return statement


def _of_statuses(session: Session, shown: LicenseFilter) -> sa.ColumnElement[bool]:
    if shown.statuses is None:
        return sa.true()
    severities = severities_of(shown.statuses)
    if shown.meter is None:
        return col(LicenseOverview.severity).in_(severities)
    return _severity_of(session, shown.meter).in_(map(str, severities))


def _place_of(session: Session, meter: str) -> sa.ColumnElement[int]:
    """Return the place of a meter in the column `meters`, from 1; 0 if it is not there."""
    find = sa.func.strpos if is_postgresql(session) else sa.func.instr
    return find(col(LicenseOverview.meters), meter_mark(meter))


def _severity_of(session: Session, meter: str) -> sa.ColumnElement[str]:
    """Return the digit of the severity of a meter. Another text if the meter is not there."""
    start = _place_of(session, meter) + len(meter_mark(meter))
    return sa.func.substr(col(LicenseOverview.meters), start, 1)


def _is(freshness: Freshness, now: datetime) -> sa.ColumnElement[bool]:
    was_updated = col(LicenseOverview.updated_at) > 0
    is_stale = col(LicenseOverview.stale_at) < microseconds(now)
    if freshness is Freshness.NEVER:
        return sa.not_(was_updated)
    return sa.and_(was_updated, is_stale if freshness is Freshness.STALE else sa.not_(is_stale))
