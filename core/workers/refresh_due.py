"""The refresh job of the workers: claim runs that are due, refresh their licenses, finish the runs."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from sqlalchemy.exc import DBAPIError

from core.consumption.thinning import HistoryRetention
from core.database.leases import Lease, claim_time
from core.licenses.load import load_licenses
from core.queue.queue import claim_runs, finish_runs, requeue_runs
from core.queue.tables import RefreshRun
from core.refresh.late_usage import load_late_usage
from core.refresh.outlooks import make_outlooks
from core.refresh.refresh import plan_refresh, save_refresh
from core.refresh.scope import RefreshScope
from core.right_of_way import Work
from core.runtime import Runtime
from core.workers.held_runs import HeldRuns

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 2
"""Batches at once: while the database works for one batch, the other is measured."""
MUCH_HISTORY = timedelta(days=31)
"""Licenses with a longer history than this to measure again are refreshed one at a time."""
MOST_ALONE: Final = 10
"""Of such licenses, those that a worker keeps of a claim. It gives the others back, so that idle workers take part."""


def open_held_runs(runtime: Runtime) -> HeldRuns:
    """Return the claims of a process, with the lease of the settings."""
    return HeldRuns(runtime.database, timedelta(seconds=runtime.settings.refresh_lease_seconds))


def refresh_due(runtime: Runtime, held: HeldRuns | None = None) -> int:
    """Claim a batch of runs that are due, and refresh their licenses.

    Args:
        runtime: The runtime.
        held: The claims of this process; None for a process that is not stopped in between.

    Returns:
        The number of runs; 0 if none was due, or if the process stops. What is not begun by then is given back.
    """
    held = held or open_held_runs(runtime)
    if held.stopping.is_set():
        return 0
    since = monotonic()
    with runtime.database.write() as session:
        now = claim_time(session)
        claim, runs = claim_runs(session, now, runtime.settings.refresh_batch, held.lease)
    if not runs:
        return 0
    lease = Lease(claim, held.lease, since)
    with held.hold(lease, runs):
        batches = _batches(runtime, runs, now)
        _give_back(runtime, claim, [run for batch in batches[MOST_ALONE:] for run in batch])
        for batch in batches[:MOST_ALONE]:
            if lease.is_over:
                logger.warning("this process stood still for longer than a lease; other workers refresh the rest")
                break
            if held.stopping.is_set():
                held.give_back(claim)
                return 0
            _refresh_contained(runtime, claim, batch)
    return len(runs)


def _give_back(runtime: Runtime, claim: str, runs: Sequence[RefreshRun]) -> None:
    if runs:
        with runtime.database.write() as session:
            requeue_runs(session, claim, runs, claim_time(session))


def refresh_all_due(runtime: Runtime, held: HeldRuns | None = None) -> None:
    """Refresh until no run is due: two batches at once if there are many, on a database with several writers."""
    held = held or open_held_runs(runtime)
    if refresh_due(runtime, held) < runtime.settings.refresh_batch:
        _refresh_until_none(runtime, held)
        return
    with ThreadPoolExecutor(1 if runtime.database.is_sqlite else _AT_ONCE, "refresh") as threads:
        for done in [threads.submit(_refresh_until_none, runtime, held) for _ in range(_AT_ONCE)]:
            done.result()


def _refresh_until_none(runtime: Runtime, held: HeldRuns) -> None:
    while refresh_due(runtime, held):
        pass


def _refresh_contained(runtime: Runtime, claim: str, runs: Sequence[RefreshRun]) -> None:
    """Refresh a batch, or each license alone if the batch fails, so that a license costs no other license."""
    try:
        with Work(is_long=True):  # which may be done beside requests
            _refresh(runtime, claim, runs)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise  # the database is away: the lease ends and the runs are claimed again
        _refresh_apart(runtime, claim, runs)
    except Exception:
        _refresh_apart(runtime, claim, runs)


def _refresh_apart(runtime: Runtime, claim: str, runs: Sequence[RefreshRun]) -> None:
    licenses = {run.license_id for run in runs}
    if len(licenses) > 1:
        for license_id in sorted(licenses):
            _refresh_contained(runtime, claim, [run for run in runs if run.license_id == license_id])
        return
    logger.exception("refresh of license %s failed", licenses)
    with runtime.database.write() as session:
        now = claim_time(session)
        problem = "The refresh failed. The operator finds the cause in the log."
        finish_runs(session, claim, runs, dict.fromkeys(licenses, now + timedelta(hours=1)), now, problem)


def _refresh(runtime: Runtime, claim: str, runs: Sequence[RefreshRun]) -> None:
    registry = runtime.registry
    scopes: dict[int, RefreshScope] = {}
    for run in runs:
        scope = _scope(run)
        scopes[run.license_id] = scopes[run.license_id].merge(scope) if run.license_id in scopes else scope
    with runtime.database.read() as session:
        # By the clock that the runs are due by: by one that is behind, a run would be due again at once.
        plan = plan_refresh(session, scopes, registry, claim_time(session))
    answers = runtime.measurer.measure(plan.questions)
    outlooks = make_outlooks(plan, answers)
    retention = HistoryRetention(runtime.settings.history_hourly_days, runtime.settings.history_daily_days)
    with runtime.database.write() as session:
        next_due = save_refresh(session, plan, answers, registry, retention, outlooks)
        now = claim_time(session)
        finish_runs(session, claim, [run for run in runs if run.license_id in next_due], next_due, now)
        superseded = [run for run in runs if run.license_id not in next_due]
        requeue_runs(session, claim, superseded, now)


def _scope(run: RefreshRun) -> RefreshScope:
    return RefreshScope(frozenset(run.sections) if run.sections is not None else None, run.only_due)


def _batches(runtime: Runtime, runs: Sequence[RefreshRun], now: datetime) -> list[list[RefreshRun]]:
    by_license: dict[int, list[RefreshRun]] = defaultdict(list)
    for run in runs:
        by_license[run.license_id].append(run)
    if not by_license:
        return []
    with runtime.database.read() as session:
        late = load_late_usage(session, by_license)
        licenses = load_licenses(session, late, now) if late else {}
    long = {license_id for license_id, mark in late.items() if licenses[license_id].today - mark.since > MUCH_HISTORY}
    short = [run for run in runs if run.license_id not in long]
    return [*([short] if short else []), *(by_license[license_id] for license_id in sorted(long))]
