"""The rows of readings: the current reading of each installed meter."""

from collections.abc import Iterator
from datetime import datetime

from allowance.text import ENGLISH
from sqlmodel import Session

from core.consumption.current import load_all_current
from core.consumption.current_readings import current_readings
from core.consumption.view import view_consumption
from core.exports.rows import Position, PositionedRow
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry


def reading_rows(
    session: Session, license: LoadedLicense, after: Position, registry: Registry, now: datetime
) -> Iterator[PositionedRow]:
    """Yield the current readings of a license behind a position, in the order of meters."""
    [current] = load_all_current(session, [license])
    view = view_consumption(license, current_readings(current, registry, now), current.version, registry, now)
    views = {one.meter.key: one for section in view.sections for one in section.readings}
    for key, one in sorted(views.items()):
        position, reading, period = Position(0, key), one.reading, one.reading.period
        first, end = (period.first, period.end) if period else (None, None)
        if position > after:
            yield (
                position,
                (
                    *(
                        license.license.key,
                        one.meter.section,
                        key,
                        one.meter.unit_forms.form("other", ENGLISH),
                        reading.used,
                        reading.limit,
                        reading.status.value,
                    ),
                    *(one.freshness.value, first, end, reading.measured_at),
                ),
            )
