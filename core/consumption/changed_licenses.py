"""Notification of those who watch all licenses, when any license changes in whichever process.

One poll serves all watches of a process. It reads an index of the times of changes, and no more than
:data:`MOST_READ` rows. A watch that takes changes slower than they come keeps the newest :data:`MOST_WAITING`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from core.consumption.overview import severities_of
from core.consumption.readings.status import UsageStatus
from core.consumption.tables import LicenseOverview
from core.database.engine import Database

logger = logging.getLogger(__name__)

EVERY: Final = 0.5
"""Seconds between two polls, for changes that other processes committed."""
PAUSE: Final = 0.2
"""Seconds between any two polls, and between two changes that a watch hands out."""
OVERLAP: Final = 30_000_000
"""Microseconds that each poll looks back: a transaction commits that much later than it wrote, at most."""
MOST_READ: Final = 200
MOST_WAITING: Final = 100


class _Change(NamedTuple):
    license_id: int
    changed_at: int
    severity: int


class LicensesWatch:
    """The changed licenses that a subscriber has not taken yet, each once, in the order of their changes."""

    def __init__(self, statuses: Collection[UsageStatus] | None) -> None:
        """Watch the licenses that have one of the statuses after the change; None stands for all."""
        self._severities = None if statuses is None else severities_of(statuses)
        self._waiting: dict[int, None] = {}
        self._changed = asyncio.Event()

    def add(self, change: _Change) -> None:
        """Note a change."""
        if self._severities is None or change.severity in self._severities:
            self.put_back(change.license_id)

    def put_back(self, license_id: int) -> None:
        """Let a license be taken again, after the others."""
        self._waiting.pop(license_id, None)
        self._waiting[license_id] = None
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._changed.set()

    async def take(self) -> int:
        """Wait for a change, and return the id of the license."""
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        license_id = next(iter(self._waiting))
        del self._waiting[license_id]
        return license_id


class ChangedLicenses:
    """The watches of a process on all licenses, all on one event loop. Without watches nothing is polled."""

    def __init__(self, database: Database) -> None:
        """Listen to the commits of a database."""
        self._database = database
        self._watches: set[LicensesWatch] = set()
        self._seen: dict[int, int] = {}
        self._newest = 0
        self._woken, self._begun = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._polling: asyncio.Task[None] | None = None
        self._is_away = False
        database.listen(self._note)

    @asynccontextmanager
    async def watch(self, statuses: Collection[UsageStatus] | None) -> AsyncIterator[LicensesWatch]:
        """Watch all licenses while the block lasts; the watch has every change that is committed from now on."""
        watch = LicensesWatch(statuses)
        self._watches.add(watch)
        try:
            if self._polling is None:
                self._loop = asyncio.get_running_loop()
                self._seen, self._newest, self._begun = {}, 0, asyncio.Event()
                self._polling = self._loop.create_task(self._keep_polling())
            await self._begun.wait()
            yield watch
        finally:
            self._watches.discard(watch)
            if not self._watches and self._polling:
                self._polling.cancel()
                self._polling = self._loop = None

    def _note(self, licenses: frozenset[int]) -> None:
        """Wake the event loop; called by the thread that committed."""
        if loop := self._loop:
            with suppress(RuntimeError):  # the loop was closed a moment ago, and nobody watches any more
                loop.call_soon_threadsafe(self._woken.set)

    async def _keep_polling(self) -> None:
        while True:
            await self._poll()
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY - PAUSE):
                    await self._woken.wait()
            self._woken.clear()

    async def _poll(self) -> None:
        try:
            changes = await asyncio.to_thread(_load_changes, self._database, self._newest - OVERLAP)
        except Exception:  # the next poll may succeed; if polling ended, nobody would be notified any more
            if not self._is_away:  # logged once, not at each poll
                logger.warning("changes of licenses cannot be looked for now", exc_info=True)
            self._is_away = True
            return
        self._is_away = False
        for change in changes:
            if self._seen.get(change.license_id) != change.changed_at:
                self._seen[change.license_id] = change.changed_at
                if self._begun.is_set():  # what the first poll reads was there before
                    for watch in self._watches:
                        watch.add(change)
        self._newest = max([self._newest, *(change.changed_at for change in changes)])
        self._seen = {key: at for key, at in self._seen.items() if at >= self._newest - OVERLAP}
        self._begun.set()


def _load_changes(database: Database, since: int) -> list[_Change]:
    """Load the newest changes since a time, the oldest of them first."""
    columns = (LicenseOverview.license_id, LicenseOverview.changed_at, LicenseOverview.severity)
    changed_at = col(LicenseOverview.changed_at)
    newest = sa.select(*map(col, columns)).where(changed_at >= since).order_by(changed_at.desc()).limit(MOST_READ)
    with database.read() as session:
        return [_Change(*row) for row in reversed(session.execute(newest).all())]


def last_changed(session: Session, statuses: Collection[UsageStatus] | None) -> int | None:
    """Return the id of the license that changed last, of those with one of the statuses; None if there is none."""
    statement = sa.select(col(LicenseOverview.license_id)).order_by(col(LicenseOverview.changed_at).desc()).limit(1)
    if statuses is not None:
        statement = statement.where(col(LicenseOverview.severity).in_(severities_of(statuses)))
    return session.execute(statement).scalar()
