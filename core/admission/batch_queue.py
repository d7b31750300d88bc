"""What comes in one at a time and is done together: while one batch is under way, the next gathers."""

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


class Batches(Generic[T]):
    """Threads, each with a connection of its own, that `handle` what was put, `most` at once.

    The connection is direct: each statement is a transaction. Where the server ended it meanwhile, the batch is
    handled once more on a new one; any other error goes to `fail` with the batch. After each batch a thread waits
    for `pause` seconds, or until it is closed. Threads begin with the first item.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        handle: Callable[[Connection, Sequence[T]], None],
        fail: Callable[[Sequence[T], Exception], None],
        *,
        threads: int = 1,
        most: int = 1000,
        pause: float = 0,
    ) -> None:
        self._database: Final = database
        self._handle: Final = handle
        self._fail: Final = fail
        self._most: Final = most
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
        return len(self._items)

    def put(self, items: Sequence[T]) -> bool:
        """Have them handled; False once it is closed."""
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
        """Handle what waits, and end."""
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
                        connection = self._again(stack, batch)
                    else:
                        self._report(batch, error)
                if self._pause:
                    self._ending.wait(self._pause)

    def _again(self, stack: ExitStack, batch: Sequence[T]) -> Connection | None:
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
        except Exception:  # the thread goes on, whatever became of one batch
            logger.exception("a batch failed, and so did saying so")

    def _take(self) -> list[T]:
        """What waits, as far as it goes into one batch; nothing at the end."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            return [self._items.popleft() for _ in range(min(self._most, len(self._items)))]
