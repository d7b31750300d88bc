"""The correction of a license after its time zone changed: days of usage and history follow the new zone."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col

from core.consumption.history import TimeRange, complete_entries
from core.consumption.tables import ReadingHistory
from core.licenses.tables import License, id_of
from core.usage.late_usage import mark_late
from core.usage.rezone import has_many_events, rezone

_TWO_DAYS: Final = timedelta(hours=52)
"""Longer than any two days, in whatever time zones."""


def correct_zone(session: Session, license: License, now: datetime) -> None:
    """Let the days of usage follow the time zone, and have history measured again at the ends of the new days.

    The refresh corrects the usage of a license with many events, and what is recorded by the old zone meanwhile.

    Args:
        session: A session for writing, in which the snapshot of the license is locked.
        license: The license with its new time zone.
        now: The time of the change.
    """
    license_id = id_of(license)
    # The days of today and yesterday begin elsewhere now, so that entries lose those that they are relative to.
    complete_entries(session, TimeRange(license_id, now - _TWO_DAYS, now))
    of_license = sa.select(sa.func.min(col(ReadingHistory.at))).where(col(ReadingHistory.license_id) == license_id)
    if first := session.execute(of_license).scalar_one():
        mark_late(session, {license_id: first.astimezone(ZoneInfo(license.time_zone)).date()})
    if not has_many_events(session, license_id):
        rezone(session, license_id)
