"""What became of a license's installations in a quota window."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Admission
from sqlmodel import Session, col, select

from core.admission.quota import quota_at
from core.admission.tables import AdmissionWindow
from core.admission.window import Window
from core.errors import BadInput
from core.licenses.load import LoadedLicense

KEPT: Final = timedelta(days=1100)
"""For how long the counters of a window that is over are kept."""


@dataclass(frozen=True, slots=True)
class InstallationReport:
    """The figures of a window. `active` have a place; `new` are those of them that were not known, or lost before.

    `lost` are those that became so in the window. `refused` are distinct installations: with any, the figures are
    skewed, since an installation without a place is not seen and will look lost.
    """

    window: Window
    quota: int | None
    active: int
    new: int
    lost: int
    refused: int

    @property
    def returning(self) -> int:
        """Those with a place that were known before."""
        return self.active - self.new

    @property
    def skewed(self) -> bool:
        return self.refused > 0


def load_counters(
    session: Session, licenses: Collection[int], meter: Admission, now: datetime
) -> dict[int, list[AdmissionWindow]]:
    """The counters of the windows of licenses that have begun, the latest first, in one statement."""
    window = AdmissionWindow
    rows = session.exec(
        select(window)
        .where(col(window.license_id).in_(licenses), window.meter == meter.key, col(window.starts_at) <= now)
        .order_by(col(window.starts_at).desc())
    )
    found: dict[int, list[AdmissionWindow]] = defaultdict(list)
    for row in rows:
        found[row.license_id].append(row)
    return found


def installation_report(
    rows: Sequence[AdmissionWindow], license: LoadedLicense, meter: Admission, day: date | None, now: datetime
) -> InstallationReport | None:
    """The report of the window that holds a day, or of the present one; None where it is not kept any more.

    `rows` are those of :func:`load_counters`. Raises :class:`core.errors.BadInput` for a window that has not begun.
    """
    windows = [(Window(row.starts_at, row.ends_at, row.time_zone), row) for row in rows]
    latest = windows[0][0] if windows else None
    present = quota_at(license, meter, now, latest)
    if day is None or day in present.window.period:
        window, quota = present.window, present.places
        row = rows[0] if latest and latest.start == window.start else None
    elif day >= present.window.period.end:
        raise BadInput(f"`window` {day} has not begun; the present window ends before {present.window.period.end}.")
    elif held := [(window, row) for window, row in windows if day in window.period]:
        window, row = held[0]
        quota = row.quota
    else:
        at = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(license.license.time_zone))
        nobody = quota_at(license, meter, at, None)
        window, quota, row = nobody.window, nobody.places, None
        if now - window.end > KEPT:
            return None
    if row is None:
        return InstallationReport(window, quota, 0, 0, 0, 0)
    return InstallationReport(window, quota, row.used, row.new, row.lost, row.refused)
