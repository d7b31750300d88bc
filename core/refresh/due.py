"""The times at which licenses are due next. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from allowance.license import midnight

from core.consumption.readings.documents import Document, due_at
from core.credits.expiring import next_notice
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import LoadedUsage
from core.refresh.collect_documents import Documents
from core.refresh.correct_days import settled_at
from core.refresh.plan import RefreshPlan


def next_turns(plan: RefreshPlan) -> dict[int, datetime]:
    """Return the next turning point of each license that is measured, by its id: readings are due then at the latest.

    At a turning point a billing period, a contract or a grant begins or ends, an entity closes, a notice of expiring
    credits is due, or the last events by an earlier time zone are committed.
    """
    return {license_id: _next_turn(plan.licenses[license_id], usage) for license_id, usage in plan.usage.items()}


def next_due_times(snapshots: Documents, now: datetime) -> dict[int, datetime]:
    """Return the time at which the first reading of each license is due, by license id."""
    return {license_id: _first_due(readings, now) for license_id, readings in snapshots.items()}


def _next_turn(license: LoadedLicense, usage: LoadedUsage) -> datetime:
    """Return the first turning point of a license after the time of its usage."""
    now = usage.usage.at
    turns = [turn for grant in usage.grants for turn in (grant.granted_at, grant.expires_at) if turn and turn > now]
    zone = license.license.time_zone
    closings = [midnight(entity.closed_from, zone) for entity in usage.usage.entities if entity.closed_from]
    turns += [closing for closing in closings if closing > now]
    turns += [turn for turn in (settled_at(license),) if turn and turn > now]
    notice = next_notice(license, usage.grants, now)
    return min([license.next_turn(), *turns, *([notice] if notice else [])])


def _first_due(readings: Mapping[str, Document], now: datetime) -> datetime:
    """Return the earliest time, `now` for a meter that was never measured; a day later if there are no meters."""
    times = {due_at(document) for document in readings.values()}
    return min((time or now for time in times), default=now + timedelta(days=1))
