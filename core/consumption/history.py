"""The writing of history: a row for each license and refresh, and one for the end of each day that is over."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from sqlalchemy import BigInteger
from sqlmodel import Session

from core.consumption.points import PointDelta, expand, merge
from core.consumption.tables import ReadingHistory
from core.database.dialect import values_table
from core.licenses.load import LoadedLicense
from core.times import EPOCH

Rows: TypeAlias = Mapping[tuple[int, datetime], Mapping[str, PointDelta]]
"""Entries by meter, by license and time."""

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_INSTANT: Final = timedelta(microseconds=1)
_BOUNDS: Final[dict[str, Any]] = {"license_id": BigInteger(), "after": BigInteger(), "until": BigInteger()}
# What is there already at the same time is of other meters, or the same measured again.
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
_DROP: Final = """
DELETE FROM reading_history WHERE license_id = :license_id AND at > :after AND at <= :until
"""


@dataclass(frozen=True, slots=True)
class HistoryRetention:
    """How long history keeps what: the last refresh of every hour, and the end of every day, for so many days.

    Of what is older only the end of each month is left.
    """

    hourly: int = 35
    daily: int = 1_100


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The history of a license after one instant up to another, and of which meters it is told anew."""

    license_id: int
    after: datetime
    until: datetime
    meters: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Thinned:
    """A stretch of history of which only the points at some times are left."""

    stretch: TimeRange
    left: Collection[datetime]


def replace_history(
    session: Session,
    rows: Rows,
    rewritten: Sequence[TimeRange] = (),
    thinned: Sequence[Thinned] = (),
    outdone: Sequence[TimeRange] = (),
) -> None:
    """Write rows; drop what stood in the stretches before.

    In those that are rewritten, and those outdone by the row at their end, meters that are not told anew keep what
    they have.
    """
    written: dict[tuple[int, datetime], Mapping[str, PointDelta]] = dict(rows)
    for key, entries in _kept(session, rewritten).items():
        written[key] = {**entries, **written.get(key, {})}
    left = {(one.stretch.license_id, at) for one in thinned for at in one.left}
    weeks = [one.stretch for one in thinned]
    for license_id, at, entries in _read(session, weeks):
        if (license_id, at) in left:
            written[license_id, at] = {**entries, **written.get((license_id, at), {})}
    _outdo(session, outdone, written)
    gone = [
        {"license_id": one.license_id, "after": _micros(one.after), "until": _micros(one.until)}
        for one in (*rewritten, *weeks, *outdone)
    ]
    if gone:
        session.execute(sa.text(_DROP), gone)
    if written:
        parameters = [
            (license_id, _micros(at), orjson.dumps(entries, option=orjson.OPT_SORT_KEYS).decode())
            for (license_id, at), entries in sorted(written.items(), key=lambda item: item[0])
        ]
        dialect = session.get_bind().dialect.name
        columns: Any = (
            tuple(list(column) for column in zip(*parameters, strict=True)) if dialect == "postgresql" else parameters
        )
        session.connection().exec_driver_sql(_WRITE[dialect], columns)


def thinned(license: LoadedLicense, since: date, keeping: HistoryRetention) -> Iterable[Thinned]:
    """What is thinned of the history of a license that was last looked after on the day `since`: weeks that grew old.

    A week at once is written anew with what is left of it, which leaves no half-empty pages behind. Licenses do so on
    different days.
    """
    for number in range(1, (license.today - since).days + 1):
        today = since + number * _DAY
        if (today.toordinal() + license.id) % _WEEK:
            continue
        for kept_for, ends in ((keeping.hourly, lambda day: True), (keeping.daily, lambda day: (day + _DAY).day == 1)):
            days = [today - (kept_for + past) * _DAY for past in range(_WEEK, 0, -1)]
            week = TimeRange(license.id, license.end_of(days[0] - _DAY), license.end_of(days[-1]))
            yield Thinned(week, frozenset(license.end_of(day) for day in days if ends(day)))


def hour_before(license: LoadedLicense, now: datetime, meters: Collection[str]) -> TimeRange | None:
    """What a row now outdoes: no interval that is read is shorter than an hour of the license's clock.

    None in an hour in which the clocks change.
    """
    local = now.astimezone(ZoneInfo(license.license.time_zone))
    begin = now - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    if begin.astimezone(local.tzinfo).utcoffset() != local.utcoffset():
        return None
    return TimeRange(license.id, begin - _INSTANT, now - _INSTANT, meters)


def _kept(session: Session, rewritten: Sequence[TimeRange]) -> Rows:
    """What stands in the stretches of meters that do not tell it anew, as whole entries."""
    told = {one.license_id: frozenset(one.meters) for one in rewritten}
    kept: dict[tuple[int, datetime], dict[str, PointDelta]] = defaultdict(dict)
    before: dict[tuple[int, str], PointDelta] = {}
    for license_id, at, entries in _read(session, rewritten):
        for meter, entry in entries.items():
            if meter not in told[license_id] and (full := expand(entry, before.get((license_id, meter)))):
                kept[license_id, at][meter] = before[license_id, meter] = full
    return kept


def _outdo(
    session: Session, outdone: Sequence[TimeRange], written: dict[tuple[int, datetime], Mapping[str, PointDelta]]
) -> None:
    """Give the rows at the end of the stretches what the rows of the stretches said that they themselves leave out."""
    stretches = {one.license_id: one for one in outdone}
    said: dict[tuple[int, str], PointDelta] = {}
    for license_id, at, entries in _read(session, outdone):
        one = stretches[license_id]
        if others := {meter: entry for meter, entry in entries.items() if meter not in one.meters}:
            written[license_id, at] = others
        for meter in entries.keys() & one.meters:
            said[license_id, meter] = merge(said.get((license_id, meter), ()), entries[meter])
    for license_id, one in stretches.items():
        end = license_id, one.until + _INSTANT
        written[end] = {meter: merge(said.get((license_id, meter), ()), entry) for meter, entry in written[end].items()}


def _read(session: Session, stretches: Sequence[TimeRange]) -> Iterable[tuple[int, datetime, Mapping[str, PointDelta]]]:
    """The rows of the stretches, each license's in order."""
    if not stretches:
        return []
    bounds = [(one.license_id, _micros(one.after), _micros(one.until)) for one in stretches]
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


def _micros(at: datetime) -> int:
    return (at - EPOCH) // _INSTANT
