"""The refresh of licenses, top to bottom: plan the questions, measure, look ahead, and save the answers.

The caller opens the transactions: :func:`plan_refresh` reads, :func:`save_refresh` writes, and in between the meters
are measured and :func:`core.refresh.outlooks.make_outlooks` looks ahead, with no transaction open. Each function sends
a fixed number of statements for any number of licenses.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from types import MappingProxyType

from allowance import Reading
from sqlmodel import Session

from core.alerts.crossings import record_crossings
from core.alerts.forecasts import WatchedMeter, licenses_with_open_forecasts, record_forecasts
from core.alerts.gone_meters import gone_meters
from core.consumption.readings.documents import last_measured
from core.consumption.snapshots import load_snapshots, lock_snapshots, write_snapshots
from core.consumption.thinning import HistoryRetention
from core.credits.expiring import record_expiring
from core.forecast.day_ends import read_day_ends
from core.forecast.store import load_outlooks, load_stamps, save_outlooks
from core.licenses.load import load_licenses
from core.measuring.checkpoints import save_checkpoints
from core.measuring.credit_slices import store_slices
from core.measuring.load_usage import load_usage
from core.measuring.measure import Failure
from core.measuring.usage_range import UsageRange
from core.plugins.registry import Registry
from core.refresh.ask_meters import ask_meters
from core.refresh.choose_meters import choose_meters
from core.refresh.closings import group_by_meter, judge_closings
from core.refresh.collect_documents import collect_documents, merge_documents
from core.refresh.correct_days import correct_days
from core.refresh.due import next_due_times, next_turns
from core.refresh.expiring import find_expiring_credits
from core.refresh.forecasts import forecasting_licenses, watch_meters
from core.refresh.history import write_history
from core.refresh.judge import changed_crossings, judge_readings
from core.refresh.late_usage import forget_late_usage, load_late_usage
from core.refresh.match_answers import match_answers
from core.refresh.outlooks import NewOutlooks, find_outdated
from core.refresh.plan import RefreshPlan
from core.refresh.scope import RefreshScope


def plan_refresh(
    session: Session, scopes: Mapping[int, RefreshScope], registry: Registry, now: datetime
) -> RefreshPlan:
    """Load what the meters need, and plan the questions to them.

    Args:
        session: The session of a transaction that reads.
        scopes: The meters to measure, by license id.
        registry: The installed meters.
        now: The time of the refresh.
    """
    # The snapshots first: a refresh that is saved after their counts are read supersedes this one.
    snapshots = load_snapshots(session, scopes.keys())
    times = {key: max(now, last_measured(stored.readings.values()) or now) for key, stored in snapshots.items()}
    licenses = {key: license.at(times[key]) for key, license in load_licenses(session, scopes.keys(), now).items()}
    late_usage = load_late_usage(session, scopes.keys())
    chosen = {
        key: choose_meters(license, scopes[key], snapshots[key].readings, late_usage.get(key), registry, times[key])
        for key, license in licenses.items()
    }
    ranges = [
        UsageRange(licenses[key], min(meter.since for meter in meters), times[key])
        for key, meters in chosen.items()
        if meters
    ]
    usage = load_usage(session, ranges, registry, now)
    moments = [moment for key in usage for moment in ask_meters(licenses[key], usage[key], chosen[key], times[key])]
    stamps = load_stamps(session, usage.keys())
    outdated = find_outdated(licenses, chosen, usage, late_usage, stamps)
    day_ends = read_day_ends(session, [licenses[key] for key in outdated])
    return RefreshPlan(now, times, licenses, snapshots, late_usage, usage, moments, outdated, day_ends)


def save_refresh(
    session: Session,
    plan: RefreshPlan,
    answers: Sequence[Reading | Failure],
    registry: Registry,
    retention: HistoryRetention = HistoryRetention(),  # noqa: B008 - frozen
    outlooks: NewOutlooks = MappingProxyType({}),
) -> dict[int, datetime]:
    """Judge the answers, and write all that follows from them.

    If another refresh of a license was saved since this one was planned, nobody can tell which of the two read later
    usage: the answers for the license are dropped, and the license has to be refreshed again. The count of saved
    refreshes tells this, since the clocks of two workers cannot. The answers are dropped as well if they were measured
    by the days of an earlier time zone.

    Args:
        session: The session of a transaction that writes.
        plan: The plan of the refresh.
        answers: The answer to each question of the plan, in the same order.
        registry: The installed meters and notifiers.
        retention: How long history keeps rows of hours and of days.
        outlooks: The outlooks to store; those of other meters stay.

    Returns:
        The time at which each license is due next, by its id. A license whose answers were dropped is left out.
    """
    stored = lock_snapshots(session, plan.snapshots)
    superseded = {key for key, snapshot in plan.snapshots.items() if stored[key].refreshed != snapshot.refreshed}
    superseded |= correct_days(session, plan)
    turns = next_turns(plan)
    measurements = match_answers(plan, answers, stored, superseded)
    past = group_by_meter(measurements.past)
    readings = judge_readings(measurements.current, past, turns)
    measured = {(each.moment.license.id, each.question.meter.key) for each in measurements.current}
    closings = judge_closings(measurements.past, past, measured)
    documents = collect_documents(readings, measurements.failed, turns)
    snapshots = merge_documents(stored, documents, registry.meters.keys())

    write_history(session, plan, stored, measurements, readings, retention)
    write_snapshots(session, {license_id: snapshots[license_id] for license_id in documents}, registry.meters)
    save_outlooks(session, {key: new for key, new in outlooks.items() if key not in superseded})
    notifiers = registry.notifiers.values()
    record_crossings(session, changed_crossings(readings, closings), plan.now, notifiers, closings)
    gone = gone_meters(stored, registry)
    if watched := forecasting_licenses(plan) | licenses_with_open_forecasts(session, plan.licenses.keys()):
        meters = watch_meters(readings, watched, load_outlooks(session, watched))
        meters += [WatchedMeter(one.license_id, one.meter) for one in gone if one.license_id in watched]
        record_forecasts(session, meters, plan.now, notifiers)
    record_expiring(session, find_expiring_credits(plan, readings), plan.now, notifiers)
    record_crossings(session, gone, plan.now, notifiers)

    # If a license changed meanwhile, its mark may be of usage that came in after this plan was made.
    unchanged = {key for key, snapshot in plan.snapshots.items() if stored[key].version == snapshot.version}
    unchanged -= superseded
    forget_late_usage(session, [late for key, late in plan.late_usage.items() if key in unchanged])
    new_checkpoints = {key: usage.new_checkpoint() for key, usage in plan.usage.items() if key in unchanged}
    save_checkpoints(session, {key: checkpoint for key, checkpoint in new_checkpoints.items() if checkpoint})
    store_slices(session, dict(chain.from_iterable(plan.usage[key].new_slices.items() for key in new_checkpoints)))
    saved = {key: readings_by_meter for key, readings_by_meter in snapshots.items() if key not in superseded}
    return next_due_times(saved, plan.now)
