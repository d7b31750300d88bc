"""Notification of subscribers when the consumption of a license changes, in whichever process it changes."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from core.consumption.current import load_versions
from core.database.engine import Database

logger = logging.getLogger(__name__)

EVERY: Final = 0.5
"""Seconds between two polls of all versions, for changes that other processes committed."""
PAUSE: Final = 0.1
"""Seconds between any two polls: changes that come closer together are notified as one."""


class Watch:
    """The versions of a license that a subscriber has seen and could see; `changed` is set once they differ."""

    def __init__(self, seen: int) -> None:
        """Watch from the version that the subscriber has seen."""
        self.seen = self.newest = seen
        self.changed = asyncio.Event()


class Changes:
    """The watches of a process, all on one event loop. Without watches the database is not polled.

    Commits of this process are noticed immediately, commits of others every :data:`EVERY` seconds, by one statement
    for all watched licenses. While the database is away nobody is notified; changes are noticed once it is back.
    """

    def __init__(self, database: Database) -> None:
        """Listen to the commits of a database."""
        self._database = database
        self._watches: dict[int, set[Watch]] = {}
        self._committed: set[int] = set()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._polling: asyncio.Task[None] | None = None
        self._is_away = False
        database.listen(self._note)

    @contextmanager
    def watch(self, license_id: int, seen: int) -> Iterator[Watch]:
        """Watch a license from the version that was seen, while the block lasts."""
        watch = Watch(seen)
        self._watches.setdefault(license_id, set()).add(watch)
        if self._polling is None:
            self._loop = asyncio.get_running_loop()
            self._polling = self._loop.create_task(self._keep_polling())
        try:
            yield watch
        finally:
            self._watches[license_id].discard(watch)
            if not self._watches[license_id]:
                del self._watches[license_id]
            if not self._watches and self._polling:
                self._polling.cancel()
                self._polling = self._loop = None

    def _note(self, licenses: frozenset[int]) -> None:
        """Wake the event loop for licenses that changed; called by the thread that committed."""
        if loop := self._loop:
            with suppress(RuntimeError):  # the loop was closed a moment ago, and nobody watches any more
                loop.call_soon_threadsafe(self._wake, licenses)

    def _wake(self, licenses: frozenset[int]) -> None:
        if found := licenses & self._watches.keys():
            self._committed |= found
            self._woken.set()

    async def _keep_polling(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + EVERY
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._woken.wait()
            self._woken.clear()
            licenses, self._committed = self._committed, set()
            if loop.time() >= due:
                licenses = set(self._watches)
                due = loop.time() + EVERY
            await self._poll(licenses)
            await asyncio.sleep(PAUSE)

    async def _poll(self, licenses: Collection[int]) -> None:
        try:
            versions = await asyncio.to_thread(load_versions, self._database, licenses)
        except Exception:  # the next poll may succeed; if polling ended, nobody would be notified any more
            if not self._is_away:  # logged once, not every half second
                logger.warning("changes of consumption cannot be looked for now", exc_info=True)
            self._is_away = True
            return
        self._is_away = False
        for license_id, version in versions.items():
            for watch in self._watches.get(license_id, ()):
                watch.newest = version
                if watch.seen != version:
                    watch.changed.set()
