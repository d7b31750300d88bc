"""Work in threads whose caller may stop waiting for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Threads:
    """A few threads of their own. One is free again when its work is done, not when nobody waits for that any more.

    What nobody waits for any more and did not begin is never begun.
    """

    def __init__(self, most: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(most, name)
        self._free = asyncio.Semaphore(most)

    async def run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """What the work returns, or raises."""
        await self._free.acquire()
        future = asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work, *arguments)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._free.release()
        mark_retrieved(future)


def mark_retrieved(future: asyncio.Future[Any]) -> None:
    """Nobody may wait for it any more, and asyncio complains of errors that nobody looked at."""
    if not future.cancelled():
        future.exception()
