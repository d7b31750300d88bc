"""The usage at the ends of past days from history, for many licenses in one statement."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Final, TypeAlias

import orjson
from sqlalchemy import TextClause, text
from sqlmodel import Session

from core.consumption.points import is_whole, used_in
from core.database.dialect import is_postgresql
from core.forecast.outlook import MOST_HISTORY
from core.licenses.load import LoadedLicense
from core.times import microseconds

DayEnds: TypeAlias = Mapping[str, Mapping[date, float]]
"""The usage at the ends of days by meter and day, oldest first."""

# Rows are looked up by both parts of their key. A join with the days as a table of the statement took SQLite 80 ms for
# each license.
_READ: Final = (
    "SELECT license_id, at, readings FROM reading_history WHERE license_id {} AND at {} ORDER BY license_id, at"
)
_AMONG: Final = {
    "postgresql": "= ANY(CAST(:{} AS bigint[]))",
    "sqlite": "IN (SELECT value FROM json_each(:{}))",
}
_DAY: Final = timedelta(days=1)


def read_day_ends(session: Session, licenses: Collection[LoadedLicense]) -> dict[int, DayEnds]:
    """Read the usage at the ends of the days before today, as many as outlooks are made from, by license id.

    The rows of days' ends are looked up by their times, so that the rows of hours in between are not read.
    """
    if not licenses:
        return {}
    days_of = {(license.license.time_zone, license.today): license for license in licenses}
    days = {zone: _days_by_end(license) for zone, license in days_of.items()}
    of_license = {license.id: days[license.license.time_zone, license.today] for license in licenses}
    ends = sorted({end for of_zone in days.values() for end in of_zone})
    found: dict[int, dict[str, dict[date, float]]] = defaultdict(lambda: defaultdict(dict))
    for license_id, at, readings in session.execute(
        _statement(session), _parameters(session, sorted(of_license), ends)
    ):
        day = of_license[license_id].get(at)
        if day is None:  # the end of a day in another time zone
            continue
        meters = found[license_id]
        for meter, entry in orjson.loads(readings).items():
            if is_whole(entry) and (used := used_in(entry)) is not None:
                meters[meter][day] = used
    return dict(found)


def _days_by_end(license: LoadedLicense) -> dict[int, date]:
    """Return the days before today by their last instant in microseconds."""
    days = (license.today - number * _DAY for number in range(MOST_HISTORY + 1, 0, -1))
    return {microseconds(license.end_of(day)): day for day in days}


def _statement(session: Session) -> TextClause:
    among = _AMONG[session.get_bind().dialect.name]
    return text(_READ.format(among.format("licenses"), among.format("ends")))


def _parameters(session: Session, licenses: list[int], ends: list[int]) -> dict[str, object]:
    if is_postgresql(session):
        return {"licenses": licenses, "ends": ends}
    return {"licenses": orjson.dumps(licenses).decode(), "ends": orjson.dumps(ends).decode()}
