"""The refresh of licenses soon after new usage, ahead of their schedule.

A delayed message of dramatiq was weighed: each commit would send its own, while here the licenses noted within half a
second become due in one transaction.
"""

import logging
import threading
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlmodel import Session, col, update

from core.database.dialect import parts
from core.database.engine import Database, is_away
from core.database.leases import claim_time
from core.licenses.tables import License
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun, RefreshStatus

logger = logging.getLogger(__name__)

_IS_QUEUED: Final = col(RefreshRun.status) == RefreshStatus.QUEUED
_PAUSE: Final = 0.5
"""Seconds between two transactions, in which licenses are collected."""
AT_ONCE: Final = 50
"""Licenses of a transaction. So a server requests 100 early refreshes a second at the most, however many licenses have
new usage: with more of them, each waits longer. One process refreshes some hundred licenses a second."""


class EarlyRefresh:
    """A thread that makes licenses with new usage due earlier than their schedule does.

    Callers note licenses after they have committed usage. Notes that a crash loses cost no refresh: the schedule
    remains.
    """

    def __init__(self, database: Database, after: timedelta) -> None:
        """Start the thread. Licenses are due `after` their usage; with zero, notes are ignored."""
        self._database = database
        self._after = after
        self._noted: dict[str, None] = {}  # a dictionary keeps their order
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="early-refresh", daemon=True)
        if after:
            self._thread.start()

    def note(self, licenses: Iterable[str]) -> None:
        """Request a refresh of the licenses with these keys, whose usage is committed."""
        if self._after:
            with self._changed:
                self._noted.update(dict.fromkeys(licenses))
                self._changed.notify()

    def close(self) -> None:
        """Write the notes that are left, and end the thread."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._noted and not self._closing.is_set():
                    self._changed.wait()
                noted = set(islice(self._noted, AT_ONCE))
                for license in noted:
                    del self._noted[license]
            if not noted:
                return
            try:
                with self._database.write() as session:
                    left = bring_forward(session, noted, claim_time(session) + self._after)
            except Exception as error:
                if not is_away(error):
                    logger.exception("bringing refreshes forward failed; trying again")
                left = noted
            if self._closing.wait(_PAUSE):
                continue  # nothing is tried again at the end, where another process may hold locks for long
            with self._changed:
                self._noted.update(dict.fromkeys(left))


def bring_forward(session: Session, licenses: Collection[str], due_at: datetime) -> set[str]:
    """Make the standing runs of licenses due at a time or earlier.

    A run that waits and is due by then stays as it is, because its worker will read later than this call. A run that
    failed stays as well, and waits for its next attempt. A run that a worker holds may have read too early: it loses
    its claim, so that it is claimed again.

    Args:
        session: A writing session.
        licenses: The keys of the licenses.
        due_at: The time.

    Returns:
        The keys of the licenses whose runs another transaction has locked: call again for these.
    """
    left: set[str] = set()
    for part in parts(licenses):
        known = session.execute(select(col(License.key), col(License.id)).where(col(License.key).in_(part)))
        ids = {key: license_id for key, license_id in known if license_id is not None}
        stays = _lock_standing_runs(session, ids.values(), due_at)
        left |= {key for key, license_id in ids.items() if license_id not in stays}
        _make_due(session, [license_id for license_id, run_stays in stays.items() if not run_stays], due_at)
    return left


def _is_due_by(due_at: datetime) -> ColumnElement[bool]:
    return and_(_IS_QUEUED, col(RefreshRun.due_at) <= due_at)


def _lock_standing_runs(session: Session, license_ids: Collection[int], due_at: datetime) -> dict[int, bool]:
    """Lock the standing runs of licenses. Return for each license whether its run stays as it is.

    Locked runs are skipped: this thread never waits for others, and so takes part in no deadlock.
    """
    is_early_enough = and_(_is_due_by(due_at), col(RefreshRun.only_due).is_(False))
    has_failed = and_(_IS_QUEUED, col(RefreshRun.problem).is_not(None))
    runs = session.execute(
        select(col(RefreshRun.license_id), or_(is_early_enough, has_failed))
        .where(col(RefreshRun.license_id).in_(license_ids), col(RefreshRun.id) == SCHEDULE)
        .order_by(col(RefreshRun.license_id))
        .with_for_update(skip_locked=True)
    )
    return {license_id: bool(stays) for license_id, stays in runs}


def _make_due(session: Session, license_ids: Collection[int], due_at: datetime) -> None:
    if not license_ids:
        return
    session.exec(
        update(RefreshRun)
        .where(col(RefreshRun.license_id).in_(license_ids), col(RefreshRun.id) == SCHEDULE)
        .values(
            status=RefreshStatus.QUEUED,
            only_due=False,
            due_at=case((_is_due_by(due_at), col(RefreshRun.due_at)), else_=due_at),
            claim=None,
            attempts=0,
        )
    )
