"""Futures and tasks whose waiters may go."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedTasks(Generic[T]):
    """Tasks that several waiters share: equal work is done once, and cancelled when its last waiter is."""

    def __init__(self) -> None:
        """Start without tasks."""
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}
        self._waiters: Counter[Hashable] = Counter()

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of the task with that key, started with `work` if there is none."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._forget(key, done))
        self._waiters[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiters[task] -= 1
            if not self._waiters[task]:
                del self._waiters[task]
                self._forget(key, task)
                task.cancel()  # which does nothing to a task that is done

    def __contains__(self, key: Hashable) -> bool:
        """Return whether a task with that key is under way."""
        return key in self._tasks

    def _forget(self, key: Hashable, task: asyncio.Task[T]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if task.done():
            mark_retrieved(task)


def mark_retrieved(future: asyncio.Future[Any]) -> None:
    """Mark the error of a future as retrieved, since asyncio logs errors that nobody retrieves."""
    if not future.cancelled():
        future.exception()
