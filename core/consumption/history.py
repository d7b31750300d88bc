"""The writing of history: a row for each license and refresh, and one for the end of each day that is over."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

import orjson
import sqlalchemy as sa
from sqlalchemy import BigInteger
from sqlmodel import Session

from core.consumption.points import Entry, whole
from core.consumption.tables import ReadingHistory
from core.database.given import given
from core.database.types import EPOCH
from core.licenses.load import LoadedLicense

Rows: TypeAlias = Mapping[tuple[int, datetime], Mapping[str, Entry]]
"""Entries by meter, by license and time."""

_DAY: Final = timedelta(days=1)
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
class Keeping:
    """How long history keeps what: every refresh for `refreshes` days, the end of every day for `days` days.

    Of what is older only the end of each month is left.
    """

    refreshes: int = 35
    days: int = 1_100


@dataclass(frozen=True, slots=True)
class Stretch:
    """The history of a license after one instant up to another, and of which meters it is told anew."""

    license_id: int
    after: datetime
    until: datetime
    meters: Collection[str] = ()


def replace_history(
    session: Session, rows: Rows, rewritten: Sequence[Stretch] = (), dropped: Iterable[Stretch] = ()
) -> None:
    """Write rows; drop what stood in the stretches before.

    In those that are rewritten, meters that do not tell theirs anew keep what they have.
    """
    written: dict[tuple[int, datetime], Mapping[str, Entry]] = dict(rows)
    for key, entries in _kept(session, rewritten).items():
        written[key] = {**entries, **written.get(key, {})}
    gone = [
        {"license_id": one.license_id, "after": _micros(one.after), "until": _micros(one.until)}
        for one in (*rewritten, *dropped)
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


def thinned(license: LoadedLicense, since: date, keeping: Keeping) -> Iterable[Stretch]:
    """What goes from the history of a license, last thinned on the day `since`, of the days that grew old since."""
    for number in range((license.today - since).days):
        refreshes, days = (since + (number - kept) * _DAY for kept in (keeping.refreshes, keeping.days))
        yield Stretch(license.id, license.end_of(refreshes - _DAY), license.end_of(refreshes) - _INSTANT)
        if (days + _DAY).day != 1:
            yield Stretch(license.id, license.end_of(days - _DAY), license.end_of(days))


def _kept(session: Session, rewritten: Sequence[Stretch]) -> Rows:
    """What stands in the stretches of meters that do not tell it anew, as whole entries."""
    if not rewritten:
        return {}
    told = {one.license_id: frozenset(one.meters) for one in rewritten}
    bounds = [(one.license_id, _micros(one.after), _micros(one.until)) for one in rewritten]
    within = given(session, _BOUNDS, bounds)
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    found = session.execute(
        sa.select(table.c.license_id, table.c.at, table.c.readings)
        .select_from(within)
        .join(
            table,
            sa.and_(
                table.c.license_id == within.c.license_id,
                sa.type_coerce(table.c.at, BigInteger) > within.c.after,
                sa.type_coerce(table.c.at, BigInteger) <= within.c.until,
            ),
        )
        .order_by(table.c.license_id, table.c.at)
    )
    kept: dict[tuple[int, datetime], dict[str, Entry]] = defaultdict(dict)
    before: dict[tuple[int, str], Entry] = {}
    for license_id, at, entries in found:
        for meter, entry in entries.items():
            if meter not in told[license_id] and (full := whole(entry, before.get((license_id, meter)))):
                kept[license_id, at][meter] = before[license_id, meter] = full
    return kept


def _micros(at: datetime) -> int:
    return (at - EPOCH) // _INSTANT
