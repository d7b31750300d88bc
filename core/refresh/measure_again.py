"""The past of new and mended meters: licenses whose history the next refresh measures again."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from core.licenses.load import load_licenses
from core.queue.queue import schedule_now
from core.refresh.choose_meters import HISTORY
from core.usage.late_usage import mark_late
from core.usage.tables import UsageLevel, UsageSum


def measure_again(session: Session, licenses: Collection[int], since: date | None, now: datetime) -> dict[int, date]:
    """Let the next refresh of licenses measure their history again.

    Args:
        session: The session of a transaction that writes.
        licenses: The licenses, by id.
        since: The first day to measure; None for as far back as possible.
        now: The present time.

    Returns:
        The first day that is measured again, by license id. It is no earlier than the first day with usage, and no
        earlier than history can be measured again.
    """
    first_usage = _first_usage(session, licenses)
    first_days: dict[int, date] = {}
    for license_id, license in load_licenses(session, licenses, now).items():
        possible = max(first_usage.get(license_id, license.today), license.today - HISTORY)
        first_days[license_id] = min(max(since or possible, possible), license.today)
    mark_late(session, first_days)
    for license_id in sorted(first_days):
        schedule_now(session, license_id, now)
    return first_days


def _first_usage(session: Session, licenses: Collection[int]) -> Mapping[int, date]:
    first: dict[int, date] = {}
    for table in (UsageSum, UsageLevel):
        of_table = sa.select(col(table.license_id), sa.func.min(col(table.day))).group_by(col(table.license_id))
        for license_id, day in session.execute(of_table.where(col(table.license_id).in_(licenses))):
            first[license_id] = min(day, first.get(license_id, day))
    return first
