"""Threads that keys share fairly.

anyio.CapacityLimiter and asyncio.Semaphore were weighed: they serve in the order of arrival, so that one key with many
requests makes all others wait.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar, TypeVarTuple

from api.concurrency.futures import mark_retrieved
from core.errors import RateLimited
from core.right_of_way import Work

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

MOST_WAITING: Final = 200
"""Pieces of work of one key that may wait for a thread."""
MOST_IDLE: Final = 1_000
"""Keys without work whose use is remembered."""


class Turns:
    """A pool of threads, in which the next free thread goes to the waiting key that used the least processor time.

    This is start-time fair queueing (Goyal, Vin and Cheng, 1996) with measured processor time: a key that begins to
    wait counts as having used as much as the key that was served last. All methods run on one event loop.

    Long work gives way to short work, see :mod:`core.right_of_way`.
    """

    def __init__(
        self,
        threads: int,
        name: str,
        *,
        per_key: int,
        most_waiting: int | None = MOST_WAITING,
        is_long: bool = False,
    ) -> None:
        """Start up to `threads` threads, whose names begin with `name`.

        Args:
            threads: Threads of all keys together.
            name: The beginning of the names of the threads.
            per_key: Threads that one key may hold at once.
            most_waiting: Pieces of work of one key that may wait; None if something else bounds them.
            is_long: Whether the work is long from the beginning; otherwise only once it has proved to be.
        """
        self._pool = ThreadPoolExecutor(threads, name)
        self._free = threads
        self._per_key = per_key
        self._most_waiting = most_waiting
        self._is_long = is_long
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._running: Counter[str] = Counter()
        self._used: dict[str, float] = {}
        """Virtual seconds that each key has used."""
        self._now = 0.0
        """Virtual seconds that the key that was served last had used before."""

    async def run(
        self,
        key: str,
        work: Callable[[*Arguments], T],
        *arguments: *Arguments,
        charge: Callable[[float], None] | None = None,
    ) -> T:
        """Return the result of `work`, done in a thread with the present context variables when it is the key's turn.

        Work that did not begin when its caller is cancelled never begins. Otherwise a thread is free again when its
        work is done, also if its caller was cancelled.

        Args:
            key: The key.
            work: The work.
            arguments: The arguments of `work`.
            charge: Receives the seconds of processor time of work that began, in its thread, before the result is
                returned.

        Raises:
            RateLimited: Too much work of the key waits already.
        """
        await self._turn(key)
        context, piece = copy_context(), Work(is_long=self._is_long)

        def timed() -> T:
            try:
                with piece:
                    return context.run(work, *arguments)
            finally:
                if charge:
                    charge(piece.seconds)

        future = asyncio.get_running_loop().run_in_executor(self._pool, timed)

        def done(future: asyncio.Future[T]) -> None:
            piece.end()
            self._leave(key, piece.seconds)
            mark_retrieved(future)

        future.add_done_callback(done)
        return await asyncio.shield(future)

    async def _turn(self, key: str) -> None:
        """Wait for a thread, which the key then holds."""
        if self._free and key not in self._waiting and self._running[key] < self._per_key:
            self._enter(key)
            return
        waiting = self._waiting.setdefault(key, deque())
        if self._most_waiting is not None and len(waiting) >= self._most_waiting:
            raise RateLimited("This key asks for more at once than it may.", 1)
        if not waiting and not self._running[key]:
            self._used[key] = max(self._used.get(key, 0.0), self._now)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came at the same moment
                self._leave(key, 0.0)
            elif turn in self._waiting.get(key, ()):
                self._waiting[key].remove(turn)
                self._forget_empty(key)
            raise

    def _enter(self, key: str) -> None:
        self._free -= 1
        self._running[key] += 1
        self._used[key] = self._now = max(self._used.get(key, 0.0), self._now)

    def _leave(self, key: str, seconds: float) -> None:
        """Take back a thread that the key used for so many seconds, and give it to the next key."""
        self._free += 1
        self._used[key] += seconds
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        while candidates := [each for each in self._waiting if self._running[each] < self._per_key]:
            chosen = min(candidates, key=self._used.__getitem__)
            turn = self._waiting[chosen].popleft()
            self._forget_empty(chosen)
            if not turn.cancelled():
                self._enter(chosen)
                turn.set_result(None)
                return
        if not self._running:
            self._used.clear()  # everybody has had what they asked for
        elif len(self._used) > MOST_IDLE:
            active = {*self._waiting, *self._running}
            self._used = {each: used for each, used in self._used.items() if each in active or used > self._now}

    def _forget_empty(self, key: str) -> None:
        if not self._waiting[key]:
            del self._waiting[key]
