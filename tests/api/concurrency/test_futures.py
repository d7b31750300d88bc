"""Equal work is done once for all that wait for it, and not at all once nobody waits."""

import asyncio
from collections.abc import Callable, Coroutine

from api.concurrency.futures import SharedTasks


class Work:
    """Work that counts how often it began and ended, and ends when it is told to."""

    def __init__(self) -> None:
        self.began = 0
        self.ended: list[str] = []
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.began += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return self.began


def tasks_of(shared: SharedTasks[int], work: Callable[[], Coroutine[None, None, int]]) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(shared.join("key", work)) for _ in range(3)]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_waiters_share_one_task() -> None:
    async def run() -> list[int]:
        shared, work = SharedTasks[int](), Work()
        tasks = tasks_of(shared, work)
        await settle()
        assert "key" in shared
        work.gate.set()
        results = await asyncio.gather(*tasks)
        assert "key" not in shared
        return [*results, work.began]

    assert asyncio.run(run()) == [1, 1, 1, 1]


def test_the_task_goes_on_while_one_waits_and_ends_with_the_last() -> None:
    async def run() -> list[str]:
        shared, work = SharedTasks[int](), Work()
        tasks = tasks_of(shared, work)
        await settle()
        tasks[0].cancel()
        tasks[1].cancel()
        await settle()
        assert work.ended == []
        tasks[2].cancel()
        await settle()
        return work.ended

    assert asyncio.run(run()) == ["cancelled"]


def test_who_comes_after_the_last_waiter_left_begins_anew() -> None:
    async def run() -> tuple[int, int]:
        shared, work = SharedTasks[int](), Work()
        first = asyncio.create_task(shared.join("key", work))
        await settle()
        first.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(shared.join("key", work))
        await settle()
        work.gate.set()
        return await second, work.began

    assert asyncio.run(run()) == (2, 2)
