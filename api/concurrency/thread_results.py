"""Results of other threads on their way to the event loop."""

import asyncio
from collections import deque
from concurrent import futures
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadResults(Generic[T]):
    """Awaits results of other threads, of which many come at once: the loop is woken once for all of them.

    `asyncio.wrap_future` wakes it for each.
    """

    def __init__(self) -> None:
        self._arrived: deque[tuple[asyncio.Future[T], futures.Future[T]]] = deque()
        self._announced = False

    async def of(self, result: "futures.Future[T]") -> T:
        """The result of a future of another thread; raises what that raised."""
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
        self._announced = False  # first, so that what arrives from here on is handed over now or announced anew
        while self._arrived:
            awaited, done = self._arrived.popleft()
            if awaited.cancelled():
                continue
            if error := done.exception():
                awaited.set_exception(error)
            else:
                awaited.set_result(done.result())
