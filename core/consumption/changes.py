"""Tells who follows the consumption of licenses that it changed, whichever process changed it."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from core.consumption.current import load_versions
from core.database.engine import Database

logger = logging.getLogger(__name__)

EVERY: Final = 0.5
"""Seconds between two looks at all versions, for what other processes committed."""
PAUSE: Final = 0.1
"""Seconds between any two looks: changes that come closer together are told as one."""


class Watch:
    """What one follower knows of a license: `changed` is set once the `newest` version is another than `seen`."""

    def __init__(self, seen: int) -> None:
        self.seen = self.newest = seen
        self.changed = asyncio.Event()


class Changes:
    """The watches of one process, all on one event loop. While there are none it asks and costs nothing.

    What this process commits is looked at immediately, what others commit every :data:`EVERY` seconds: by one statement
    for all licenses that are followed. While the database is away nothing is told; it is once it is back.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: dict[int, set[Watch]] = {}
        self._committed: set[int] = set()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._is_away = False
        database.listen(self._note)

    @contextmanager
    def watch(self, license_id: int, seen: int) -> Iterator[Watch]:
        """Watch a license of which that version was seen, while the block lasts."""
        watch = Watch(seen)
        self._watches.setdefault(license_id, set()).add(watch)
        if self._looking is None:
            self._loop = asyncio.get_running_loop()
            self._looking = self._loop.create_task(self._keep_looking())
        try:
            yield watch
        finally:
            self._watches[license_id].discard(watch)
            if not self._watches[license_id]:
                del self._watches[license_id]
            if not self._watches and self._looking:
                self._looking.cancel()
                self._looking = self._loop = None

    def _note(self, licenses: frozenset[int]) -> None:
        """Called by whichever thread committed."""
        if loop := self._loop:
            with suppress(RuntimeError):  # it was closed a moment ago, and nobody follows any more
                loop.call_soon_threadsafe(self._wake, licenses)

    def _wake(self, licenses: frozenset[int]) -> None:
        if found := licenses & self._watches.keys():
            self._committed |= found
            self._woken.set()

    async def _keep_looking(self) -> None:
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
            await self._look(licenses)
            await asyncio.sleep(PAUSE)

    async def _look(self, licenses: Collection[int]) -> None:
        try:
            versions = await asyncio.to_thread(load_versions, self._database, licenses)
        except Exception:  # whatever it is, the next look may succeed, and without a next look nobody is told any more
            if not self._is_away:  # said once, not every half second
                logger.warning("changes of consumption cannot be looked for now", exc_info=True)
            self._is_away = True
            return
        self._is_away = False
        for license_id, version in versions.items():
            for watch in self._watches.get(license_id, ()):
                watch.newest = version
                if watch.seen != version:
                    watch.changed.set()
