"""Results of futures of other threads, handed to the event loop in batches."""

import asyncio
from collections import deque
from concurrent import futures
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadResults(Generic[T]):
    """A way to await many results of other threads: the event loop is woken once for all that arrived.

    `asyncio.wrap_future` wakes the loop for each result.
    """

    def __init__(self) -> None:
        """Start without results."""
        self._arrived: deque[tuple[asyncio.Future[T], futures.Future[T]]] = deque()
        self._announced = False

    async def of(self, result: "futures.Future[T]") -> T:
        """Return the result of a future of another thread, or raise its error."""
        loop = asyncio.get_running_loop()
        awaited: asyncio.Future[T] = loop.create_future()

        def arrive(done: "futures.Future[T]") -> None:
            self._arrived.append((awaited, done))
            if not self._announced:
                self._announced = True
                loop.call_soon_threadsafe(self._hand_over)

        result.add_done_callback(arrive)
        return await awaited

    def _hand_over(self) -> None:
        self._announced = False  # first, so that later results are handed over now or announced again
        while self._arrived:
            awaited, done = self._arrived.popleft()
            if awaited.cancelled():
                continue
            if error := done.exception():
                awaited.set_exception(error)
            else:
                awaited.set_result(done.result())
