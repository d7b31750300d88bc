"""Queues whose items are handled in batches: while a batch runs, the next one gathers."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.database.engine import Database

logger = logging.getLogger(__name__)
T = TypeVar("T")


class BatchQueue(Generic[T]):
    """A queue with threads that take up to `max_size` items at once. The threads start with the first item."""

    def __init__(
        self,
        name: str,
        database: Database,
        handle: Callable[[Connection, Sequence[T]], None],
        fail: Callable[[Sequence[T], Exception], None],
        *,
        threads: int = 1,
        max_size: int = 1000,
        pause: float = 0,
    ) -> None:
        """Create the queue.

        Args:
            name: The name of the threads.
            database: The database of the connections.
            handle: Handles a batch on a connection of the thread's own, on which each statement is a transaction. If
                the server ended the connection, the batch is handled once more on a new connection.
            fail: Gets the batch of any other error.
            threads: The number of threads.
            max_size: The largest number of items in a batch.
            pause: Seconds that a thread waits after each batch, unless the queue is closed.
        """
        self._database: Final = database
        self._handle: Final = handle
        self._fail: Final = fail
        self._max_size: Final = max_size
        self._pause: Final = pause
        self._items: deque[T] = deque()
        self._changed: Final = threading.Condition()
        self._closed = False
        self._ending: Final = threading.Event()
        self._threads: Final = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        self._started = False

    def __len__(self) -> int:
        """Return the number of items that wait."""
        return len(self._items)

    def put(self, items: Sequence[T]) -> bool:
        """Add items. Return False if the queue is closed."""
        with self._changed:
            if self._closed:
                return False
            if not self._started:
                self._started = True
                for thread in self._threads:
                    thread.start()
            self._items.extend(items)
            self._changed.notify()
        return True

    def close(self) -> None:
        """Handle the items that wait, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._ending.set()
        if self._started:
            for thread in self._threads:
                thread.join(timeout=30)

    def _run(self) -> None:
        connection: Connection | None = None
        with ExitStack() as stack:
            while batch := self._take():
                try:
                    connection = connection or stack.enter_context(self._database.direct())
                    self._handle(connection, batch)
                except Exception as error:
                    with suppress(Exception):
                        stack.close()
                    connection = None
                    if isinstance(error, DBAPIError) and error.connection_invalidated:
                        connection = self._handle_again(stack, batch)
                    else:
                        self._report(batch, error)
                if self._pause:
                    self._ending.wait(self._pause)

    def _handle_again(self, stack: ExitStack, batch: Sequence[T]) -> Connection | None:
        try:
            connection = stack.enter_context(self._database.direct())
            self._handle(connection, batch)
        except Exception as error:
            with suppress(Exception):
                stack.close()
            self._report(batch, error)
            return None
        return connection

    def _report(self, batch: Sequence[T], error: Exception) -> None:
        try:
            self._fail(batch, error)
        except Exception:  # the thread must go on
            logger.exception("a batch failed, and its error could not be reported")

    def _take(self) -> list[T]:
        """Wait for items and return a batch of them; an empty one if the queue is closed and empty."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            return [self._items.popleft() for _ in range(min(self._max_size, len(self._items)))]
