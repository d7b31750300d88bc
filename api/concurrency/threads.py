"""A pool of threads for work whose caller may stop waiting for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Threads:
    """A small pool of threads, apart from that of Starlette.

    A thread is free again when its work is done, also if its caller was cancelled. Work that did not begin when its
    caller is cancelled never begins.
    """

    def __init__(self, most: int, name: str) -> None:
        """Start up to `most` threads, whose names begin with `name`."""
        self._pool = ThreadPoolExecutor(most, name)
        self._free = asyncio.Semaphore(most)

    async def run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """Return the result of `work`, done in a thread with the present context variables."""
        await self._free.acquire()
        future = asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work, *arguments)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._free.release()
        mark_retrieved(future)


def mark_retrieved(future: asyncio.Future[Any]) -> None:
    """Mark the error of a future as retrieved, since asyncio logs errors that nobody retrieves."""
    if not future.cancelled():
        future.exception()
