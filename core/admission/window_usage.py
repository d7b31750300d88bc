"""The places taken and the refusals of hard quotas, by window and day: what meters of admission measure."""

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
    """The number of places taken in a quota window of a meter, and of installations refused in the window."""

    meter: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    used: int
    refused: int

    @property
    def changes(self) -> int:
        """The number of changes of the window that readers can see."""
        return self.used + self.refused


def load_admitted(
    session: Session, licenses: Collection[LoadedLicense], since: date, registry: Registry, now: datetime
) -> dict[int, list[AdmittedCell]]:
    """Return the places taken and the refusals by window and day, by license id, in windows with a day from `since` on.

    The present window of every license is included, with 0 places at least.
    """
    meters = [meter for meter in registry.meters.values() if isinstance(meter, Admission)]
    cells: dict[int, list[AdmittedCell]] = defaultdict(list)
    if not meters or not licenses:
        return cells
    window, taken = AdmissionWindow, AdmissionDay
    statement = (
        sa.select(
            *(col(window.license_id), col(window.meter), col(window.starts_at), col(window.ends_at)),
            *(col(window.time_zone), col(taken.day), col(taken.admitted), col(taken.refused)),
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
    days: dict[tuple[int, str], list[tuple[Window, date | None, int, int]]] = defaultdict(list)
    for license_id, meter, starts_at, ends_at, time_zone, *counted in session.execute(statement):
        days[license_id, meter].append((Window(starts_at, ends_at, time_zone), *counted))
    for license in licenses:
        for meter in meters:
            of_meter = days[license.id, meter.key]
            present = quota_at(license, meter, now, of_meter[-1][0] if of_meter else None).window
            cells[license.id].append(AdmittedCell(meter.key, present.period, license.today, 0))
            for opened, day, admitted, refused in of_meter:
                if day is not None:
                    period = present.period if opened.start == present.start else opened.period
                    # A day after today is of an earlier time zone of the license.
                    latest = min(day, license.today)
                    cells[license.id].append(AdmittedCell(meter.key, period, latest, admitted, refused))
    return cells


def load_windows(session: Session, licenses: Collection[int]) -> dict[int, list[WindowUsage]]:
    """Return the stored windows of licenses by license id, in one statement."""
    window = AdmissionWindow
    of_window = (window.meter, window.starts_at, window.ends_at, window.time_zone, window.used, window.refused)
    columns = (window.license_id, *of_window)
    windows: dict[int, list[WindowUsage]] = defaultdict(list)
    for license_id, *row in session.execute(sa.select(*map(col, columns)).where(col(window.license_id).in_(licenses))):
        windows[license_id].append(WindowUsage(*row))
    return windows
