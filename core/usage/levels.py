"""The level of each day by the reports in the ledger, by the rules by which the rollup was written."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from core.usage.tables import LedgerEvent

_DAY: Final = timedelta(days=1)


class LevelReport(NamedTuple):
    """A report of a level. Its times are in microseconds since 1970."""

    time: int
    accepted: int
    source: str
    id: str
    whole: int
    nanos: int


def select_reports() -> sa.Select[int, date, int, int, str, str, int, int]:
    """Select series, day and report of each event that counts, by series in the order in which they were accepted."""
    event = LedgerEvent
    accepted = sa.func.coalesce(col(event.accepted), sa.type_coerce(event.time, sa.BigInteger))
    return (
        sa.select(
            *(col(event.series_id), col(event.day), sa.type_coerce(event.time, sa.BigInteger), accepted),
            *(col(event.source), col(event.id), col(event.whole), col(event.nanos)),
        )
        .where(col(event.cancelled_by).is_(None))
        .order_by(col(event.series_id), accepted)
    )


def newest_reports(rows: Iterable[tuple[date, LevelReport]]) -> Mapping[date, LevelReport]:
    """Return the report that decides each day, from the reports of a series in the order of their acceptance."""
    days: dict[date, LevelReport] = {}
    for day, new in rows:
        stored, following = days.get(day), days.get(day + _DAY)
        if stored is None or new[:4] > stored[:4] or _is_outdated(stored, new):
            days[day] = new
        if following and _is_outdated(following, new):
            del days[day + _DAY]
    return days


def _is_outdated(ahead: LevelReport, new: LevelReport) -> bool:
    """Return whether a report is from a clock ahead, and the new one arrived after its time had come."""
    return ahead.time > ahead.accepted + 1_000_000 and new.accepted >= ahead.time and new.time > ahead.accepted
