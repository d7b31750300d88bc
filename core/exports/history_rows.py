"""The rows of history: each reading of the past that is kept, oldest first."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from core.consumption.points import PointDelta, expand_rows, point_of
from core.consumption.tables import ReadingHistory
from core.exports.query import ExportQuery
from core.exports.rows import Position, PositionedRow
from core.licenses.load import LoadedLicense
from core.times import instant, microseconds

_STREAM_ROWS: Final = 100


def history_rows(
    session: Session, license: LoadedLicense, query: ExportQuery, after: Position
) -> Iterator[PositionedRow]:
    """Yield the rows of history of a license behind a position."""
    first, last = query.instants(license)
    # From a midnight of the license on, since the first entry of a day is whole.
    begin = max(first, license.start_of(license.day_of(instant(after.number))))
    for at, entries in _read(session, license, begin, last):
        day, number = license.day_of(at), microseconds(at)
        for meter, entry in sorted(entries.items()):
            position = Position(number, meter)
            if position > after:
                point = point_of(at, entry)
                yield position, (license.license.key, day, at, meter, point.used, point.limit, point.status.value)


def _read(
    session: Session, license: LoadedLicense, begin: datetime, last: datetime
) -> Iterator[tuple[datetime, Mapping[str, PointDelta]]]:
    """Yield the whole entries of each row by meter."""
    statement = (
        select(ReadingHistory.at, ReadingHistory.readings)
        .where(col(ReadingHistory.license_id) == license.id)
        .where(col(ReadingHistory.at) >= begin, col(ReadingHistory.at) <= last)
        .order_by(col(ReadingHistory.at))
    )
    with session.execute(statement.execution_options(yield_per=_STREAM_ROWS)) as rows:
        yield from expand_rows((at, entries) for at, entries in rows)
