"""What meters of admission measure: the places taken, by window and day; for a refresh, and at this moment."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from allowance import Admission, AdmittedCell
from allowance.license import midnight
from sqlmodel import Session, col

from core.admission.quota import quota_at
from core.admission.tables import AdmissionDay, AdmissionWindow
from core.admission.window import Window
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry


@dataclass(frozen=True, slots=True)
class WindowUsage:
    """How many places of a meter's quota window are taken."""

    meter: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    used: int


def load_admitted(
    session: Session, licenses: Collection[LoadedLicense], since: date, registry: Registry, now: datetime
) -> dict[int, list[AdmittedCell]]:
    """The places taken by window and day, in all windows that hold a day from `since` on, by license."""
    meters = [meter for meter in registry.meters.values() if isinstance(meter, Admission)]
    found: dict[int, list[AdmittedCell]] = defaultdict(list)
    if not meters or not licenses:
        return found
    window, taken = AdmissionWindow, AdmissionDay
    statement = (
        sa.select(
            *(col(window.license_id), col(window.meter), col(window.starts_at), col(window.ends_at)),
            *(col(window.time_zone), col(taken.day), col(taken.admitted)),
        )
        .outerjoin(
            taken,
            sa.and_(
                col(taken.license_id) == col(window.license_id),
                col(taken.meter) == col(window.meter),
                col(taken.starts_at) == col(window.starts_at),
            ),
        )
        .where(
            col(window.license_id).in_([license.id for license in licenses]),
            col(window.ends_at) > midnight(since, "UTC"),
        )
        .order_by(col(window.starts_at))
    )
    newest: dict[tuple[int, str], Window] = {}
    for license_id, meter, starts_at, ends_at, time_zone, day, admitted in session.execute(statement):
        one = Window(starts_at, ends_at, time_zone)
        newest[license_id, meter] = one
        if day is not None:
            found[license_id].append(AdmittedCell(meter, one.period, day, admitted))
    for license in licenses:
        for meter in meters:
            present = quota_at(license, meter, now, newest.get((license.id, meter.key)))
            found[license.id].append(AdmittedCell(meter.key, present.window.period, license.today, 0))
    return found


def load_windows(session: Session, licenses: Collection[int]) -> dict[int, list[WindowUsage]]:
    """The windows of all licenses that are kept, in one statement."""
    window = AdmissionWindow
    columns = (window.license_id, window.meter, window.starts_at, window.ends_at, window.time_zone, window.used)
    found: dict[int, list[WindowUsage]] = defaultdict(list)
    for license_id, *row in session.execute(sa.select(*map(col, columns)).where(col(window.license_id).in_(licenses))):
        found[license_id].append(WindowUsage(*row))
    return found
