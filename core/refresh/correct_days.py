"""The correction of the days of usage of licenses whose time zone changed lately."""

from datetime import datetime

from sqlmodel import Session

from core.consumption.readings.documents import last_measured
from core.licenses.load import LoadedLicense
from core.refresh.choose_meters import SETTLING
from core.refresh.plan import RefreshPlan
from core.usage.rezone import rezone


def correct_days(session: Session, plan: RefreshPlan) -> set[int]:
    """Correct the days of usage of licenses whose time zone changed lately.

    Args:
        session: A session for writing, in which the snapshots of the licenses are locked.
        plan: The plan of the refresh.

    Returns:
        The licenses that the plan measured by wrong days.
    """
    lately = [
        license_id
        for license_id, license in plan.licenses.items()
        if (settled := settled_at(license)) and _last_measured(plan, license_id, settled) < settled
    ]
    return {license_id for license_id in sorted(lately) if rezone(session, license_id)}


def settled_at(license: LoadedLicense) -> datetime | None:
    """Return the time at which all events by an earlier time zone are committed; None if the zone never changed."""
    return license.zone_changed_at and license.zone_changed_at + SETTLING


def _last_measured(plan: RefreshPlan, license_id: int, settled: datetime) -> datetime:
    """Return the time of the last reading before the plan, or a time before `settled` if there is none."""
    return last_measured(plan.snapshots[license_id].readings.values()) or settled - SETTLING
