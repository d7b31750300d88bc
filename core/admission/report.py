"""The report of a license's installations in a quota window."""

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
"""The time for which the counters of a window are kept after its end."""


@dataclass(frozen=True, slots=True)
class InstallationReport:
    """The numbers of installations of a window.

    `active` have a place; `new` of them were not known before, or had been lost. `lost` became lost in the window.
    `refused` are distinct installations. If there are any, the numbers are skewed: an installation without a place is
    not seen, and counts as lost later.
    """

    window: Window
    quota: int | None
    active: int
    new: int
    lost: int
    refused: int

    @property
    def returning(self) -> int:
        """The installations with a place that were known before."""
        return self.active - self.new

    @property
    def skewed(self) -> bool:
        """True if refused installations distort the numbers."""
        return self.refused > 0


def load_counters(
    session: Session, licenses: Collection[int], meter: Admission, now: datetime
) -> dict[int, list[AdmissionWindow]]:
    """Return the counters of the windows that have begun by license id, the latest first, in one statement."""
    window = AdmissionWindow
    rows = session.exec(
        select(window)
        .where(col(window.license_id).in_(licenses), window.meter == meter.key, col(window.starts_at) <= now)
        .order_by(col(window.starts_at).desc())
    )
    counters: dict[int, list[AdmissionWindow]] = defaultdict(list)
    for row in rows:
        counters[row.license_id].append(row)
    return counters


def installation_report(
    rows: Sequence[AdmissionWindow], license: LoadedLicense, meter: Admission, day: date | None, now: datetime
) -> InstallationReport | None:
    """Return the report of the window with a day, or of the present window.

    Args:
        rows: The counters of the license's windows, from :func:`load_counters`.
        license: The license.
        meter: The meter with the quota.
        day: A day of the window, in the license's time zone; None for the present window.
        now: The present time.

    Returns:
        The report, or None if the counters of the window are not kept any more.

    Raises:
        BadInput: The window has not begun.
    """
    windows = [(Window(row.starts_at, row.ends_at, row.time_zone), row) for row in rows]
    latest = windows[0][0] if windows else None
    present = quota_at(license, meter, now, latest)
    if day is None or day in present.window.period:
        window, quota = present.window, present.places
        row = rows[0] if latest and latest.start == window.start else None
    elif day >= present.window.period.end:
        raise BadInput(f"`window` {day} has not begun; the present window ends before {present.window.period.end}.")
    elif matching := [(window, row) for window, row in windows if day in window.period]:
        window, row = matching[0]
        quota = row.quota
    else:
        at = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(license.license.time_zone))
        empty = quota_at(license, meter, at, None)
        window, quota, row = empty.window, empty.places, None
        if now - window.end > KEPT:
            return None
    if row is None:
        return InstallationReport(window, quota, 0, 0, 0, 0)
    return InstallationReport(window, quota, row.used, row.new, row.lost, row.refused)
