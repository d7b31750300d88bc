"""The renewal of the levels of a series on some days, from the reports that the ledger holds of these days."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import BigInteger
from sqlmodel import Session, col

from core.database.dialect import insert_into, parts
from core.times import instant
from core.usage.levels import LevelReport, newest_reports, select_reports
from core.usage.tables import LedgerEvent, UsageLevel

_LEVEL: Final = UsageLevel.__table__  # type: ignore[attr-defined]
_DAY: Final = timedelta(days=1)


def renew_levels(session: Session, license_id: int, series_id: int, first: date, last: date) -> None:
    """Replace the levels of the days `first` to `last` by the newest reports of each day.

    The day after them is renewed as well, since a report can outdate that of the next day. A level whose report the
    ledger has dropped stands until a newer report of its day.
    """
    days = first, last + _DAY
    of_series = (_LEVEL.c.license_id == license_id, _LEVEL.c.series_id == series_id)
    # Locked before the ledger is read: a report that ingestion adds to such a day meanwhile waits for this transaction.
    stored = _lock_stored(session, *of_series, _LEVEL.c.day.between(*days))
    reports = select_reports().where(
        col(LedgerEvent.license_id) == license_id,
        col(LedgerEvent.series_id) == series_id,
        col(LedgerEvent.day).between(first - _DAY, last + _DAY),
    )
    held = [(day, LevelReport(*report)) for _, day, *report in session.execute(reports)]
    known = _held_keys(session, license_id, {(report.source, report.id) for report in stored.values()})
    dropped = [(day, report) for day, report in stored.items() if (report.source, report.id) not in known]
    newest = newest_reports(sorted([*held, *dropped], key=lambda dated: dated[1].accepted))
    newest = {day: report for day, report in newest.items() if day >= first}
    for part in parts([day for day, report in stored.items() if newest.get(day) != report]):
        session.execute(sa.delete(_LEVEL).where(*of_series, _LEVEL.c.day.in_(part)))
    _insert(session, license_id, series_id, {day: new for day, new in newest.items() if stored.get(day) != new})


def _lock_stored(session: Session, *within: sa.ColumnElement[bool]) -> dict[date, LevelReport]:
    """Lock levels, and return the reports that they come from, by day."""
    time = sa.type_coerce(_LEVEL.c.time, BigInteger)
    columns: tuple[sa.ColumnElement[Any], ...] = (
        *(_LEVEL.c.day, time, sa.func.coalesce(_LEVEL.c.accepted, time), _LEVEL.c.source, _LEVEL.c.event_id),
        *(_LEVEL.c.whole, _LEVEL.c.nanos),
    )
    rows = session.execute(sa.select(*columns).where(*within).order_by(_LEVEL.c.day).with_for_update())
    return {day: LevelReport(*report) for day, *report in rows}


def _held_keys(session: Session, license_id: int, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those sources and ids of events that the ledger holds, cancelled ones as well."""
    key = sa.tuple_(col(LedgerEvent.source), col(LedgerEvent.id))
    found = sa.select(col(LedgerEvent.source), col(LedgerEvent.id)).where(col(LedgerEvent.license_id) == license_id)
    return {(source, id) for part in parts(keys) for source, id in session.execute(found.where(key.in_(part)))}


def _insert(session: Session, license_id: int, series_id: int, levels: Mapping[date, LevelReport]) -> None:
    """Insert levels. A newer level that ingestion has inserted meanwhile stays."""
    rows = [
        {
            "license_id": license_id,
            "series_id": series_id,
            "day": day,
            "time": instant(report.time),
            "accepted": report.accepted,
            "source": report.source,
            "event_id": report.id,
            "whole": report.whole,
            "nanos": report.nanos,
        }
        for day, report in sorted(levels.items())
    ]
    if not rows:
        return
    statement = insert_into(session, UsageLevel)
    order = ("time", "accepted", "source", "event_id")
    values = {name: statement.excluded[name] for name in (*order, "whole", "nanos")}
    newer = sa.tuple_(*(statement.excluded[name] for name in order)) > sa.tuple_(*(_LEVEL.c[name] for name in order))
    index = ["license_id", "series_id", "day"]
    session.execute(statement.on_conflict_do_update(index_elements=index, set_=values, where=newer), rows)
