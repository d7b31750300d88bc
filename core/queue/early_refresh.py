"""The refresh of licenses soon after new usage came in, beside their schedule.

A delayed message of dramatiq was weighed: each commit would send its own, while here the licenses noted within half a
second become due in one transaction.
"""

import logging
import threading
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import and_, case, or_, select
from sqlmodel import Session, col, update

from core.database.dialect import parts
from core.database.engine import Database
from core.licenses.tables import License
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun, RefreshStatus

logger = logging.getLogger(__name__)

_PAUSE: Final = 0.5
"""Seconds in which notes are gathered."""


class EarlyRefresh:
    """A thread that brings the schedule of licenses with new usage forward, so that they are refreshed `after` it.

    Whoever commits usage notes its licenses then; that costs next to nothing. Notes that a crash loses are left to
    the schedule.
    """

    def __init__(self, database: Database, after: timedelta) -> None:
        self._database = database
        self._after = after
        self._noted: set[str] = set()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        if after:
            self._thread.start()

    def note(self, licenses: Iterable[str]) -> None:
        """Have the licenses of these keys refreshed. Their usage is committed."""
        if self._after:
            with self._changed:
                self._noted.update(licenses)
                self._changed.notify()

    def close(self) -> None:
        """Write what was noted, and end."""
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
                noted, self._noted = self._noted, set()
            if not noted:
                return
            try:
                with self._database.write() as session:
                    left = follow(session, noted, datetime.now(UTC) + self._after)
            except Exception:
                logger.exception("bringing refreshes forward failed; trying again")
                left = noted
            if self._closing.wait(_PAUSE) and left:
                return
            with self._changed:
                self._noted |= left


def follow(session: Session, licenses: Collection[str], due_at: datetime) -> set[str]:
    """Have the standing runs of licenses due by then; the keys of those that somebody holds just now.

    A run that waits and is due by then is left alone, as whoever takes it reads later than this; so is one that
    failed, which waits for its next attempt. One that a worker has may have been read for too early: it is taken again.
    """
    run = RefreshRun
    queued = col(run.status) == RefreshStatus.QUEUED
    sooner = and_(queued, col(run.due_at) <= due_at)
    waits = or_(and_(sooner, col(run.only_due).is_(False)), and_(queued, col(run.problem).is_not(None)))
    left: set[str] = set()
    for part in parts(licenses):
        known = session.execute(select(col(License.key), col(License.id)).where(col(License.key).in_(part)))
        ids = {key: license_id for key, license_id in known if license_id is not None}
        # Never waiting for a lock, it can be in nobody's way.
        standing = session.execute(
            select(col(run.license_id), waits)
            .where(col(run.license_id).in_(ids.values()), col(run.id) == SCHEDULE)
            .order_by(col(run.license_id))
            .with_for_update(skip_locked=True)
        )
        early = {license_id: bool(waiting) for license_id, waiting in standing}
        left |= {key for key, license_id in ids.items() if license_id not in early}
        late = [license_id for license_id, waiting in early.items() if not waiting]
        if late:
            session.exec(
                update(run)
                .where(col(run.license_id).in_(late), col(run.id) == SCHEDULE)
                .values(
                    status=RefreshStatus.QUEUED,
                    only_due=False,
                    due_at=case((sooner, col(run.due_at)), else_=due_at),
                    claim=None,
                    attempts=0,
                )
            )
    return left
