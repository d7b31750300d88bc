"""One transaction for many senders: what comes in while one is committed goes into the next."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from core.database.engine import Database, is_away, is_deadlock
from core.errors import Overloaded
from core.usage.events import UsageEvent
from core.usage.record import Recorded, name_nearest, record_together

logger = logging.getLogger(__name__)

MOST_TOGETHER: Final = 5_000
"""Events in one transaction, unless a single sender brings more."""
ENOUGH: Final = 500
"""Waiting events that are worth a transaction of their own beside one that is under way."""
GATHERING: Final = 0.002
"""Seconds in which what is sent at the same time is gathered, where there are several senders."""


@dataclass(frozen=True, slots=True)
class _Batch:
    events: Sequence[UsageEvent]
    now: datetime
    result: Future[Recorded]


class Committer:
    """Threads that write batches of events. A batch's future is done once it is committed, or has failed.

    SQLite takes one writer; on PostgreSQL several overlap, where there is enough for each. At most `most_waiting`
    events wait; beyond them :class:`Overloaded` is raised, and nothing that was taken before is touched. `committed`
    is told the keys of the licenses whose usage was.
    """

    def __init__(
        self, database: Database, most_waiting: int, committed: Callable[[Iterable[str]], None] = lambda licenses: None
    ) -> None:
        self._database = database
        self._committed = committed
        self._most_waiting = most_waiting
        self._batches: deque[_Batch] = deque()
        self._queued = 0
        """Events in those."""
        self._waiting = 0
        """The same, and those that a thread has taken."""
        self._busy = 0
        """Threads that have taken some, or are about to."""
        self._crowded = False
        """Whether several senders shared the last transaction."""
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"committer-{number}", daemon=True)
            for number in range(1 if database.is_sqlite else 4)
        ]
        for thread in self._threads:
            thread.start()

    def require_room(self) -> None:
        """Raise :class:`Overloaded` where another batch would not be taken; asked before a body is even read."""
        if self._waiting >= self._most_waiting:
            raise Overloaded("More comes in than can be recorded. Nothing of this was; send it again later.")

    def submit(self, events: Sequence[UsageEvent], now: datetime) -> "Future[Recorded]":
        """Have the events committed. Raises :class:`Overloaded`."""
        batch = _Batch(events, now, Future())
        # From here on it is recorded, whether or not anybody still waits for the answer: it cannot be cancelled.
        batch.result.set_running_or_notify_cancel()
        with self._changed:
            self.require_room()
            self._waiting += len(events)
            self._queued += len(events)
            self._batches.append(batch)
            if self._worth_taking():
                self._changed.notify()
        return batch.result

    def close(self) -> None:
        """Commit what waits, and end; nothing more is taken."""
        with self._changed:
            self._closed = True
            self._most_waiting = 0
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=30)

    def _run(self) -> None:
        while not self._closed or self._batches:
            batches = self._take()
            self._commit(batches)
            with self._changed:
                self._waiting -= sum(len(batch.events) for batch in batches)
                self._busy -= 1
                if self._batches:
                    self._changed.notify()

    def _take(self) -> list[_Batch]:
        """What waits, as far as it goes into one transaction."""
        with self._changed:
            while not self._closed and not (self._batches and self._worth_taking()):
                self._changed.wait()
            self._busy += 1
            if self._crowded and self._queued < ENOUGH and not self._closed:
                self._changed.wait(GATHERING)
            taken: list[_Batch] = []
            size = 0
            while self._batches and (not taken or size + len(self._batches[0].events) <= MOST_TOGETHER):
                taken.append(self._batches.popleft())
                size += len(taken[-1].events)
            self._queued -= size
            self._crowded = len(taken) > 1
            return taken

    def _worth_taking(self) -> bool:
        return not self._busy or self._queued >= ENOUGH

    def _commit(self, batches: Sequence[_Batch]) -> None:
        """Commit them together; where that fails, each on its own, so that one sender costs no other anything."""
        if not batches:  # another thread was quicker
            return
        try:
            with self._database.write() as session:
                results = record_together(
                    session, [batch.events for batch in batches], max(batch.now for batch in batches)
                )
        except BaseException as error:
            # Where the database is away, it is for all of them: nobody waits until that was tried for each.
            if len(batches) == 1 or (is_away(error) and not is_deadlock(error)):
                for batch in batches:
                    batch.result.set_exception(error)
                return
            for batch in batches:
                self._commit([batch])
            return
        answers = list(zip(batches, results, strict=True))
        for batch, result in answers:
            if not result.unknown:
                batch.result.set_result(result)
        if unknown := [answer for answer in answers if answer[1].unknown]:
            self._name_nearest([result for _, result in unknown])
            for batch, result in unknown:
                batch.result.set_result(result)
        self._committed({event.license for batch in batches for event in batch.events})

    def _name_nearest(self, results: Sequence[Recorded]) -> None:
        try:
            with self._database.read() as session:
                name_nearest(session, results)
        except SQLAlchemyError as error:  # they are answered without
            logger.warning("the nearest licenses were not found: %s", error)
