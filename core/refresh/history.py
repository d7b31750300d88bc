"""The history that a refresh writes: rows of now and of past days, and the ranges that they replace."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from core.consumption.history import Rows, ThinnedRange, TimeRange, replace_history
from core.consumption.points import PointDelta, point_delta
from core.consumption.readings.documents import decode_usage, last_measured
from core.consumption.readings.judging import judge_usage
from core.consumption.snapshots import StoredSnapshot
from core.consumption.thinning import HistoryRetention, superseded_hour, thin_history
from core.refresh.choose_meters import HISTORY
from core.refresh.judge import NewReading
from core.refresh.local_days import local_days
from core.refresh.match_answers import FailedMeasurement, Measurement, Measurements
from core.refresh.plan import RefreshPlan

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


def write_history(
    session: Session,
    plan: RefreshPlan,
    snapshots: Mapping[int, StoredSnapshot],
    measurements: Measurements,
    readings: Sequence[NewReading],
    retention: HistoryRetention,
) -> None:
    """Write the history of a refresh, and delete the rows that it replaces.

    Args:
        session: The session of the transaction.
        plan: The plan of the refresh.
        snapshots: The stored snapshots of the licenses, of which this refresh is the next.
        measurements: The answers, for the ends of past days.
        readings: The readings of now.
        retention: How long history keeps rows of hours and of days.
    """
    rows = {**_past_rows(measurements.past), **_current_rows(plan, readings)}
    measured = _meters_by_license(rows)
    last = {key: time for key in measured if (time := last_measured(snapshots[key].readings.values()))}
    replace_history(
        session,
        rows,
        rewritten=_rewritten_days(plan, measured, measurements.failed),
        thinned=_thinned_weeks(plan, last, retention),
        superseded=_superseded_hours(plan, last, rows),
    )


def _past_rows(measurements: Sequence[Measurement]) -> Rows:
    """Return the rows at the ends of past days: whole entries, as each is the first of its time."""
    rows: dict[tuple[int, datetime], dict[str, PointDelta]] = defaultdict(dict)
    for moment, question, reading, *_ in measurements:
        usage = judge_usage(question.meter, question.contract, reading)
        rows[moment.license.id, moment.at][question.meter.key] = point_delta(usage, None)
    return rows


def _current_rows(plan: RefreshPlan, readings: Sequence[NewReading]) -> Rows:
    """Return the rows of now: entries relative to the stored reading if that was measured earlier on the same day."""
    rows: dict[int, dict[str, PointDelta]] = defaultdict(dict)
    days = {license_id: local_days(license) for license_id, license in plan.licenses.items()}
    for (moment, question, _, stored, stored_at), reading, _ in readings:
        license = moment.license
        is_relative = stored_at and stored_at != moment.at and days[license.id](stored_at) == license.today
        before = decode_usage(stored) if stored and is_relative else None
        rows[license.id][question.meter.key] = point_delta(reading, before)
    return {(license_id, plan.times[license_id]): entries for license_id, entries in rows.items()}


def _meters_by_license(rows: Rows) -> dict[int, set[str]]:
    """Return the meters that have a row, by license id, in the order of ids."""
    meters: dict[int, set[str]] = defaultdict(set)
    for (license_id, _), entries in rows.items():
        meters[license_id] |= entries.keys()
    return dict(sorted(meters.items()))


def _rewritten_days(
    plan: RefreshPlan, measured: Mapping[int, Collection[str]], failed: Sequence[FailedMeasurement]
) -> list[TimeRange]:
    """Return the past days of licenses with late usage, without the meters that failed to measure any of these days."""
    incomplete = {(moment.license.id, question.meter.key) for moment, question, *_ in failed if moment.past}
    ranges = []
    for license_id, meters in measured.items():
        if late := plan.late_usage.get(license_id):
            license = plan.licenses[license_id]
            first = max(late.since, license.today - HISTORY)
            after, until = license.end_of(first - _DAY), license.end_of(license.today - _DAY)
            complete = {meter for meter in meters if (license_id, meter) not in incomplete}
            ranges.append(TimeRange(license_id, after, until, complete))
    return ranges


def _thinned_weeks(plan: RefreshPlan, last: Mapping[int, datetime], retention: HistoryRetention) -> list[ThinnedRange]:
    """Return the weeks that have grown old since each license was measured last."""
    weeks: list[ThinnedRange] = []
    for license_id, time in last.items():
        license = plan.licenses[license_id]
        weeks += thin_history(license, max(local_days(license)(time), license.today - HISTORY), retention)
    return weeks


def _superseded_hours(plan: RefreshPlan, last: Mapping[int, datetime], rows: Rows) -> list[TimeRange]:
    """Return the hours up to now of licenses that were already measured less than an hour ago."""
    return [
        hour
        for license_id, time in last.items()
        for now in [plan.times[license_id]]
        if (entries := rows.get((license_id, now)))
        and time < now < time + _HOUR
        and (hour := superseded_hour(plan.licenses[license_id], now, entries.keys()))
    ]
