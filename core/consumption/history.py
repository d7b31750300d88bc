"""The writing of history: a row for each license and refresh, and a row for the end of each day that is over."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import orjson
import sqlalchemy as sa
from sqlalchemy import BigInteger
from sqlmodel import Session

from core.consumption.points import PointDelta, expand, expand_rows, merge
from core.consumption.tables import ReadingHistory
from core.database.dialect import is_postgresql, values_table
from core.times import microseconds

Rows: TypeAlias = Mapping[tuple[int, datetime], Mapping[str, PointDelta]]
"""Entries by meter, by license id and time."""
StoredRows: TypeAlias = Sequence[tuple[int, datetime, Mapping[str, PointDelta]]]
"""License id, time, and entries by meter, in the order of licenses and times."""

_INSTANT: Final = timedelta(microseconds=1)
_BOUNDS: Final[dict[str, Any]] = {"license_id": BigInteger(), "after": BigInteger(), "until": BigInteger()}
# A row that exists at the same time is of other meters, or of the same meters and measured again.
_WRITE: Final = {
    "postgresql": """
INSERT INTO reading_history AS kept (license_id, at, readings)
SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::text[])
ON CONFLICT (license_id, at) DO UPDATE
SET readings = CAST(CAST(kept.readings AS jsonb) || CAST(excluded.readings AS jsonb) AS text)
""",
    "sqlite": """
INSERT INTO reading_history AS kept (license_id, at, readings) VALUES (?, ?, ?)
ON CONFLICT (license_id, at) DO UPDATE SET readings = json_patch(kept.readings, excluded.readings)
""",
}
_DELETE: Final = """
DELETE FROM reading_history WHERE license_id = :license_id AND at > :after AND at <= :until
"""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The history of a license after an instant, up to and including another; `meters` are those measured again."""

    license_id: int
    after: datetime
    until: datetime
    meters: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ThinnedRange:
    """A range of history of which only the rows at the times in `kept` stay."""

    range: TimeRange
    kept: Collection[datetime]


def replace_history(
    session: Session,
    rows: Rows,
    rewritten: Sequence[TimeRange] = (),
    thinned: Sequence[ThinnedRange] = (),
    superseded: Sequence[TimeRange] = (),
) -> None:
    """Write rows of history, and delete what they replace.

    Args:
        session: The session of a transaction.
        rows: The new rows. Every range in `superseded` needs a row right after its end.
        rewritten: Ranges whose meters are measured again by `rows`. Other meters keep their entries.
        thinned: Ranges that have grown old, with the times to keep.
        superseded: Ranges replaced by the row right after their end, which gets what the row leaves out. Other meters
            keep their entries.
    """
    weeks = [thinning.range for thinning in thinned]
    kept = {(thinning.range.license_id, at) for thinning in thinned for at in thinning.kept}
    past, old, hours = (read_rows(session, ranges) for ranges in (rewritten, weeks, superseded))
    written = _merge_rows(
        _entries_of_others(past, rewritten),
        {(license_id, at): entries for license_id, at, entries in old if (license_id, at) in kept},
        _rows_of_others(hours, superseded),
        _complete_last_rows(rows, hours, superseded),
    )
    _delete(session, [*rewritten, *weeks, *superseded])
    _write(session, written)


def complete_entries(session: Session, time_range: TimeRange) -> None:
    """Rewrite the entries of a range as whole entries, so that each stands without the entries before it."""
    stored = ((at, entries) for _, at, entries in read_rows(session, [time_range]))
    _write(session, {(time_range.license_id, at): whole for at, whole in expand_rows(stored)})


def _merge_rows(*layers: Rows) -> Rows:
    """Merge rows; where several have an entry of the same meter at the same time, the last of them holds."""
    merged: dict[tuple[int, datetime], Mapping[str, PointDelta]] = {}
    for layer in layers:
        for key, entries in layer.items():
            merged[key] = {**merged[key], **entries} if key in merged else entries
    return merged


def _entries_of_others(stored: StoredRows, rewritten: Sequence[TimeRange]) -> Rows:
    """Return the entries of meters that are not measured again, as whole entries, since rows between them may go."""
    measured = {time_range.license_id: frozenset(time_range.meters) for time_range in rewritten}
    rows: dict[tuple[int, datetime], dict[str, PointDelta]] = defaultdict(dict)
    before: dict[tuple[int, str], PointDelta] = {}
    for license_id, at, entries in stored:
        for meter, entry in entries.items():
            if meter not in measured[license_id] and (whole := expand(entry, before.get((license_id, meter)))):
                rows[license_id, at][meter] = before[license_id, meter] = whole
    return rows


def _rows_of_others(stored: StoredRows, superseded: Sequence[TimeRange]) -> Rows:
    """Return the entries of meters that the row after a superseded range does not measure, as they are."""
    measured = {time_range.license_id: frozenset(time_range.meters) for time_range in superseded}
    rows = {
        (license_id, at): {meter: entry for meter, entry in entries.items() if meter not in measured[license_id]}
        for license_id, at, entries in stored
    }
    return {key: entries for key, entries in rows.items() if entries}


def _complete_last_rows(rows: Rows, stored: StoredRows, superseded: Sequence[TimeRange]) -> Rows:
    """Return the rows, those right after superseded ranges with what they leave out of the rows within the ranges."""
    earlier: dict[tuple[int, str], PointDelta] = {}
    for license_id, _, entries in stored:
        for meter, entry in entries.items():
            earlier[license_id, meter] = merge(earlier.get((license_id, meter), ()), entry)
    ends = [(time_range.license_id, time_range.until + _INSTANT) for time_range in superseded]
    completed = {
        end: {meter: merge(earlier.get((end[0], meter), ()), entry) for meter, entry in rows[end].items()}
        for end in ends
    }
    return {**rows, **completed}


def read_rows(session: Session, ranges: Sequence[TimeRange]) -> StoredRows:
    """Read the rows of ranges in one statement, whatever meters the ranges name."""
    if not ranges:
        return []
    bounds = [(each.license_id, microseconds(each.after), microseconds(each.until)) for each in ranges]
    within = values_table(session, _BOUNDS, bounds)
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    at = sa.type_coerce(table.c.at, BigInteger)
    inside = sa.and_(table.c.license_id == within.c.license_id, at > within.c.after, at <= within.c.until)
    found = session.execute(
        sa.select(table.c.license_id, table.c.at, table.c.readings)
        .select_from(within)
        .join(table, inside)
        .order_by(table.c.license_id, table.c.at)
    )
    return [(license_id, at, entries) for license_id, at, entries in found]


def _delete(session: Session, ranges: Iterable[TimeRange]) -> None:
    bounds = [
        {"license_id": each.license_id, "after": microseconds(each.after), "until": microseconds(each.until)}
        for each in ranges
    ]
    if bounds:
        session.execute(sa.text(_DELETE), bounds)


def _write(session: Session, rows: Rows) -> None:
    if not rows:
        return
    parameters = [
        (license_id, microseconds(at), orjson.dumps(entries, option=orjson.OPT_SORT_KEYS).decode())
        for (license_id, at), entries in sorted(rows.items(), key=lambda row: row[0])
    ]
    if is_postgresql(session):
        columns: Any = tuple(list(column) for column in zip(*parameters, strict=True))
        session.connection().exec_driver_sql(_WRITE["postgresql"], columns)
    else:
        session.connection().exec_driver_sql(_WRITE["sqlite"], parameters)
