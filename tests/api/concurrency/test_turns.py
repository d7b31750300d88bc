"""Keys share threads: each waits for a few pieces of work of the others, however much the others ask for."""

import asyncio
from threading import Event
from time import sleep, thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.concurrency.turns import Turns
from core.errors import RateLimited
from tests.forms import examples


def compute(seconds: float) -> None:
    """Take processor time."""
    end = thread_time() + seconds
    while thread_time() < end:
        pass


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def order_of(turns: Turns, asked: list[tuple[str, float]]) -> list[str]:
    """The order in which work of keys begins that is asked for while another key holds the only thread."""
    began: list[str] = []

    def work(key: str, seconds: float) -> None:
        began.append(key)
        compute(seconds)

    gate = Event()
    first = asyncio.create_task(turns.run("first", gate.wait))
    await settle()
    tasks = []
    for key, seconds in asked:
        tasks.append(asyncio.create_task(turns.run(key, work, key, seconds)))
        await settle()
    gate.set()
    await asyncio.gather(first, *tasks)
    return began


def test_a_key_with_one_request_waits_for_one_of_the_key_with_many() -> None:
    asked = [("many", 0.002)] * 5 + [("one", 0.0)]
    order = asyncio.run(order_of(Turns(1, "t", per_key=1), asked))
    assert order == ["many", "one", "many", "many", "many", "many"]


def test_work_that_takes_longer_counts_for_more() -> None:
    asked = [("long", 0.05), ("long", 0.05), *[("short", 0.005)] * 4]
    order = asyncio.run(order_of(Turns(1, "t", per_key=1), asked))
    assert order == ["long", "short", "short", "short", "short", "long"]


@examples(30)
@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_all_work_is_done_once_and_in_order_for_each_key(keys: list[str]) -> None:
    order = asyncio.run(order_of(Turns(1, "t", per_key=1), [(key, 0.0) for key in keys]))
    assert sorted(order) == sorted(keys)


def test_a_key_holds_no_more_threads_than_it_may() -> None:
    async def run() -> tuple[int, str]:
        turns, gate = Turns(3, "t", per_key=2), Event()
        running: list[int] = []

        def hold() -> None:
            running.append(1)
            gate.wait()

        greedy = [asyncio.create_task(turns.run("greedy", hold)) for _ in range(5)]
        await settle()
        other = await turns.run("modest", lambda: "served")
        seen = len(running)
        gate.set()
        await asyncio.gather(*greedy)
        return seen, other

    assert asyncio.run(run()) == (2, "served")


def test_a_key_with_too_much_that_waits_is_asked_to_come_back_and_no_other_key_is() -> None:
    async def run() -> None:
        turns, gate = Turns(1, "t", per_key=1, most_waiting=2), Event()
        tasks = [asyncio.create_task(turns.run("greedy", gate.wait)) for _ in range(3)]
        await settle()
        with pytest.raises(RateLimited, match=r"asks for more at once than it may\. Come back in 1 s"):
            await turns.run("greedy", gate.wait)
        modest = asyncio.create_task(turns.run("modest", lambda: 1))
        gate.set()
        assert await modest == 1
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_work_whose_caller_left_before_its_turn_is_never_done() -> None:
    async def run() -> list[str]:
        turns, gate, done = Turns(1, "t", per_key=1), Event(), list[str]()
        first = asyncio.create_task(turns.run("a", gate.wait))
        await settle()
        gone = [asyncio.create_task(turns.run(key, done.append, key)) for key in ("a", "a", "b")]
        stays = asyncio.create_task(turns.run("b", done.append, "stays"))
        await settle()
        for task in gone:
            task.cancel()
        await settle()
        gate.set()
        await asyncio.gather(first, stays)
        assert await turns.run("a", lambda: 1) == 1
        return done

    assert asyncio.run(run()) == ["stays"]


def test_a_thread_is_free_again_when_its_work_is_done_though_its_caller_left() -> None:
    async def run() -> int:
        turns, gate = Turns(1, "t", per_key=1), Event()
        task = asyncio.create_task(turns.run("a", gate.wait))
        await settle()
        task.cancel()
        await settle()
        gate.set()
        return await turns.run("a", lambda: 2)

    assert asyncio.run(run()) == 2


def test_an_error_of_the_work_is_its_callers_and_frees_the_thread() -> None:
    async def run() -> int:
        turns = Turns(1, "t", per_key=1)
        with pytest.raises(ZeroDivisionError):
            await turns.run("a", lambda: 1 // 0)
        return await turns.run("a", lambda: 3)

    assert asyncio.run(run()) == 3


def test_keys_that_went_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.concurrency.turns.MOST_IDLE", 5)

    async def run() -> int:
        turns = Turns(2, "t", per_key=1)
        for number in range(50):
            await turns.run(str(number), sleep, 0)
            await settle()
        return len(turns._used)

    assert asyncio.run(run()) <= 6


def test_processor_time_is_charged_before_the_result_is_returned() -> None:
    async def charged(seconds: float) -> list[float]:
        charges: list[float] = []
        await Turns(1, "t", per_key=1).run("a", compute, seconds, charge=charges.append)
        return charges

    (least,), (more,) = (asyncio.run(charged(seconds)) for seconds in (0.0, 0.02))
    assert least >= 0
    assert more >= 0.02


def test_work_that_fails_is_charged() -> None:
    charges: list[float] = []

    def fail() -> None:
        compute(0.01)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        asyncio.run(Turns(1, "t", per_key=1).run("a", fail, charge=charges.append))
    (charge,) = charges
    assert charge >= 0.01


def test_work_that_never_began_is_not_charged() -> None:
    charges: list[float] = []

    async def cancelled() -> None:
        turns, gate = Turns(1, "t", per_key=1), Event()
        first = asyncio.create_task(turns.run("a", gate.wait))
        await settle()
        second = asyncio.create_task(turns.run("a", compute, 0.01, charge=charges.append))
        await settle()
        second.cancel()
        gate.set()
        await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(cancelled())
    assert charges == []
