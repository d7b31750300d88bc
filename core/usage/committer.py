"""Transactions that several senders share: batches that arrive during a commit go into the next transaction."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from core.database.engine import Database, is_away, is_deadlock
from core.errors import Overloaded
from core.fair_budget import FairBudget
from core.queue.early_refresh import EarlyRefresh
from core.usage.bounds import DEFAULT_BOUNDS, UsageBounds
from core.usage.events import UsageEvent
from core.usage.fair_queue import FairQueue
from core.usage.record import record_together
from core.usage.record_result import RecordResult
from core.usage.unknown_licenses import suggest_licenses

logger = logging.getLogger(__name__)

MAX_TOGETHER: Final = 5_000
"""Events in one transaction, unless a single batch has more."""
ENOUGH: Final = 500
"""Waiting events for which a second transaction begins while one is under way."""
GATHER_SECONDS: Final = 0.002
"""Seconds in which simultaneous batches are gathered, if several senders shared the last transaction."""


@dataclass(frozen=True, slots=True)
class _Submission:
    sender: str
    events: Sequence[UsageEvent]
    now: datetime
    suggests: bool
    result: Future[RecordResult]


class Committer:
    """Threads that write batches of events. The future of a batch is done once the batch is committed or has failed.

    SQLite has one writer. On PostgreSQL several transactions overlap if there are enough events for each.
    """

    def __init__(
        self,
        database: Database,
        max_waiting: int,
        early_refresh: EarlyRefresh | None = None,
        bounds: UsageBounds = DEFAULT_BOUNDS,
    ) -> None:
        """Start the threads.

        Args:
            database: The database to write to.
            max_waiting: The number of waiting events of one sender from which on more are refused, see
                :class:`core.fair_budget.FairBudget`.
            early_refresh: Notes the licenses of committed events; None to leave them to the schedule.
            bounds: The numbers of entities and series of a license from which on events of new ones are rejected.
        """
        self._database = database
        self._early_refresh = early_refresh
        self._bounds = bounds
        self._batches: FairQueue[_Submission] = FairQueue()
        """Batches that no thread has taken, by their numbers of events: a small one passes those of a busy sender."""
        self._waiting = FairBudget(max_waiting)
        """Queued events, and events that a thread has taken and not committed yet."""
        self._busy = 0
        """Threads that have taken batches, or are about to."""
        self._crowded = False
        """True if several senders shared the last transaction."""
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"committer-{number}", daemon=True)
            for number in range(1 if database.is_sqlite else 4)
        ]
        for thread in self._threads:
            thread.start()

    def require_room(self, sender: str = "") -> None:
        """Raise :class:`Overloaded` if another batch would be refused. Called before a body is even read."""
        if self._closed or not self._waiting.has_room(sender):
            raise Overloaded("More comes in than can be recorded. Nothing of this was; send it again later.")

    def submit(
        self, events: Sequence[UsageEvent], now: datetime, *, sender: str = "", suggests: bool = True
    ) -> "Future[RecordResult]":
        """Queue events for a transaction. The sender that recorded least comes first.

        Args:
            events: The checked events.
            now: The time of their arrival.
            sender: The name under which the events are counted that wait.
            suggests: Whether errors about unknown licenses may name the nearest license.

        Raises:
            Overloaded: Too many events wait.
        """
        batch = _Submission(sender, events, now, suggests, Future())
        # From here on the batch is recorded, whether or not its sender still waits: it cannot be cancelled.
        batch.result.set_running_or_notify_cancel()
        with self._changed:
            self.require_room(sender)
            self._waiting.add(sender, len(events))
            self._batches.put(sender, batch, len(events))
            if self._worth_taking():
                self._changed.notify()
        return batch.result

    def close(self) -> None:
        """Commit the batches that wait, and end the threads. New batches are refused."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=30)

    def _run(self) -> None:
        while not self._closed or self._batches:
            batches = self._take()
            self._commit(batches)
            with self._changed:
                for batch in batches:
                    self._waiting.add(batch.sender, -len(batch.events))
                self._busy -= 1
                if not self._busy:
                    self._batches.forget_idle()
                if self._batches:
                    self._changed.notify()

    def _take(self) -> list[_Submission]:
        """Wait for batches, and return as many as go into one transaction."""
        with self._changed:
            while not self._closed and not (self._batches and self._worth_taking()):
                self._changed.wait()
            self._busy += 1
            if self._crowded and self._batches.size < ENOUGH and not self._closed:
                self._changed.wait(GATHER_SECONDS)
            taken = self._batches.take(MAX_TOGETHER)
            self._crowded = len(taken) > 1
            return taken

    def _worth_taking(self) -> bool:
        return not self._busy or self._batches.size >= ENOUGH

    def _commit(self, batches: Sequence[_Submission]) -> None:
        """Commit batches together. If that fails, commit each alone, so that no sender fails because of another."""
        if not batches:  # another thread was quicker
            return
        try:
            with self._database.write() as session:
                results = record_together(
                    session,
                    [batch.events for batch in batches],
                    max(batch.now for batch in batches),
                    bounds=self._bounds,
                )
        except BaseException as error:
            # If the database is away, it is away for all batches: none has to wait for the attempts of others.
            if len(batches) == 1 or (is_away(error) and not is_deadlock(error)):
                for batch in batches:
                    batch.result.set_exception(error)
                return
            for batch in batches:
                self._commit([batch])
            return
        self._answer(batches, results)
        if self._early_refresh:
            self._early_refresh.note({event.license for batch in batches for event in batch.events})

    def _answer(self, batches: Sequence[_Submission], results: Sequence[RecordResult]) -> None:
        """Set the results. Those with unknown licenses come last, as they get suggestions."""
        unknown: list[tuple[_Submission, RecordResult]] = []
        for batch, result in zip(batches, results, strict=True):
            if result.unknown and batch.suggests:
                unknown.append((batch, result))
            else:
                batch.result.set_result(result)
        if unknown:
            suggested = self._suggest_licenses([result for _, result in unknown])
            for (batch, _), result in zip(unknown, suggested, strict=True):
                batch.result.set_result(result)

    def _suggest_licenses(self, results: Sequence[RecordResult]) -> Sequence[RecordResult]:
        try:
            with self._database.read() as session:
                return suggest_licenses(session, results)
        except SQLAlchemyError as error:
            logger.warning("unknown licenses were reported without the nearest key: %s", error)
            return results
