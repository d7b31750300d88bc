"""The usage at the ends of past days from history, for many licenses in one statement."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import BigInteger, String
from sqlmodel import Session

from core.consumption.points import is_whole, used_in
from core.consumption.tables import ReadingHistory
from core.database.dialect import values_table
from core.forecast.outlook import MOST_HISTORY
from core.licenses.load import LoadedLicense
from core.times import microseconds

DayEnds: TypeAlias = Mapping[str, Mapping[date, float]]
"""The usage at the ends of days by meter and day, oldest first."""

_LICENSES: Final[dict[str, Any]] = {"license_id": BigInteger(), "zone": String()}
_ENDS: Final[dict[str, Any]] = {"zone": String(), "ends_at": BigInteger(), "day": BigInteger()}
_DAY: Final = timedelta(days=1)


def read_day_ends(session: Session, licenses: Collection[LoadedLicense]) -> dict[int, DayEnds]:
    """Read the usage at the ends of the days before today, as many as outlooks are made from, by license id.

    The rows of days' ends are looked up by their times, so that the rows of hours in between are not read.
    """
    if not licenses:
        return {}
    zoned = [(license.id, f"{license.license.time_zone} {license.today}") for license in licenses]
    of_zone = {zone: license for license, (_, zone) in zip(licenses, zoned, strict=True)}
    ends = [
        (zone, microseconds(license.end_of(day)), day.toordinal())
        for zone, license in of_zone.items()
        for day in (license.today - number * _DAY for number in range(MOST_HISTORY + 1, 0, -1))
    ]
    within = values_table(session, _LICENSES, zoned, "licenses")
    days = values_table(session, _ENDS, ends, "ends")
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    at = sa.type_coerce(table.c.at, BigInteger)
    rows = session.execute(
        sa.select(within.c.license_id, days.c.day, table.c.readings)
        .select_from(within)
        .join(days, days.c.zone == within.c.zone)
        .join(table, sa.and_(table.c.license_id == within.c.license_id, at == days.c.ends_at))
        .order_by(within.c.license_id, days.c.day)
    )
    day_ends: dict[int, dict[str, dict[date, float]]] = defaultdict(lambda: defaultdict(dict))
    for license_id, ordinal, entries in rows:
        day, of_license = date.fromordinal(ordinal), day_ends[license_id]
        for meter, entry in entries.items():
            if is_whole(entry) and (used := used_in(entry)) is not None:
                of_license[meter][day] = used
    return dict(day_ends)
