"""What meters of admission measure: the places taken, by window and day; for a refresh, and at this moment."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from allowance import Admission, AdmittedCell, Usage
from allowance.license import midnight
from sqlmodel import Session, col

from core.admission.quota import quota_at
from core.admission.tables import AdmissionDay, AdmissionWindow
from core.admission.window import Window
from core.consumption.readings import Document, StoredReading, from_document, judge
from core.licenses.load import LoadedLicense
from core.plugins.host import Registry


@dataclass(frozen=True, slots=True)
class Taken:
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


def load_windows(session: Session, licenses: Collection[int]) -> dict[int, list[Taken]]:
    """The windows of all licenses that are kept, in one statement."""
    window = AdmissionWindow
    columns = (window.license_id, window.meter, window.starts_at, window.ends_at, window.time_zone, window.used)
    found: dict[int, list[Taken]] = defaultdict(list)
    for license_id, *row in session.execute(sa.select(*map(col, columns)).where(col(window.license_id).in_(licenses))):
        found[license_id].append(Taken(*row))
    return found


def live_readings(
    license: LoadedLicense,
    windows: Collection[Taken],
    before: Mapping[str, Document],
    registry: Registry,
    now: datetime,
) -> dict[str, StoredReading]:
    """What the SDK's own meters of admission read now. `before` are the documents of the last refresh's readings."""
    contract = license.contract_on(license.today)
    readings = {}
    for meter in registry.meters.values():
        if type(meter) is not Admission:
            continue
        mine = {one.starts_at: one for one in windows if one.meter == meter.key}
        newest = mine[max(mine)] if mine else None
        latest = Window(newest.starts_at, newest.ends_at, newest.time_zone) if newest else None
        window = quota_at(license, meter, now, latest).window
        used = mine[window.start].used if window.start in mine else 0
        usage = Usage(
            now, license.license.time_zone, admitted=[AdmittedCell(meter.key, window.period, license.today, used)]
        )
        known = before.get(meter.key)
        reading = meter.measure(usage, license.license, contract)
        due_at = known.get("due_at") if known else None
        readings[meter.key] = from_document(judge(meter, contract, reading, known, now.isoformat(), due_at))
    return readings
