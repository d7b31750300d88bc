"""Results of other threads reach whoever awaits them."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from api.concurrency.thread_results import ThreadResults


def test_thousands_that_come_at_once_from_several_threads_all_arrive() -> None:
    async def collect() -> list[int]:
        arrivals = ThreadResults[int]()
        futures: list[Future[int]] = [Future() for _ in range(4000)]
        awaited = [asyncio.ensure_future(arrivals.of(future)) for future in futures]
        await asyncio.sleep(0)
        with ThreadPoolExecutor(4) as threads:
            for number, future in enumerate(futures):
                threads.submit(future.set_result, number)
            return await asyncio.wait_for(asyncio.gather(*awaited), 30)

    assert asyncio.run(collect()) == list(range(4000))


def test_one_that_is_there_already_arrives() -> None:
    async def collect() -> int:
        done: Future[int] = Future()
        done.set_result(7)
        return await ThreadResults[int]().of(done)

    assert asyncio.run(collect()) == 7


def test_an_error_is_raised_where_it_is_awaited_and_costs_the_others_nothing() -> None:
    async def collect() -> int:
        arrivals = ThreadResults[int]()
        failed: Future[int] = Future()
        good: Future[int] = Future()
        both = asyncio.ensure_future(arrivals.of(failed)), asyncio.ensure_future(arrivals.of(good))
        await asyncio.sleep(0)
        failed.set_exception(KeyError("lost"))
        good.set_result(7)
        with pytest.raises(KeyError):
            await both[0]
        return await both[1]

    assert asyncio.run(collect()) == 7


def test_who_left_costs_the_others_nothing() -> None:
    async def collect() -> int:
        arrivals = ThreadResults[int]()
        futures: list[Future[int]] = [Future() for _ in range(2)]
        left, stayed = (asyncio.ensure_future(arrivals.of(future)) for future in futures)
        await asyncio.sleep(0)
        left.cancel()

        def resolve_all() -> None:
            for future in futures:
                future.set_result(7)

        thread = threading.Thread(target=resolve_all)
        thread.start()
        found = await asyncio.wait_for(stayed, 30)
        thread.join()
        assert left.cancelled()
        return found

    assert asyncio.run(collect()) == 7
