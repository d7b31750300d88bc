"""The budget of bodies: bytes and threads are bounded."""

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from api.concurrency.body_budget import THREADS, BodyBudget
from core.errors import Overloaded
from core.settings import Settings
from tests.api.server import cloudevent, serving


def test_bodies_share_the_bytes_and_give_them_back() -> None:
    intake = BodyBudget(100)
    with intake.body("a") as first, intake.body("a") as second, intake.body("b") as other:
        first(60)
        second(40)
        with pytest.raises(Overloaded):
            first(1)
        other(50)
        with pytest.raises(Overloaded):
            other(1)
    with intake.body("a") as third:
        third(100)


@pytest.mark.parametrize(("keys", "threads"), [(20, THREADS), (1, 1)])
def test_what_takes_long_is_done_in_few_threads_of_which_a_key_has_one(keys: int, threads: int) -> None:
    running, most = 0, 0
    changed = threading.Lock()
    go_on = threading.Event()

    def work() -> None:
        nonlocal running, most
        with changed:
            running += 1
            most = max(most, running)
        go_on.wait(10)
        with changed:
            running -= 1

    async def many() -> None:
        intake = BodyBudget(1)
        tasks = [asyncio.ensure_future(intake.in_thread(f"key {number % keys}", work)) for number in range(20)]
        while most < threads:
            await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(many())
    assert most == threads


def test_what_was_refused_is_let_go_of_at_once(new_sqlite: Any, tmp_path: Path) -> None:
    settings = Settings(database_url=new_sqlite(tmp_path / "a.db"), max_events=10)
    with serving(settings) as served, served.client() as client:
        gc.collect()
        gc.disable()
        try:
            batch = [cloudevent("interaction.sent", "acme", "held", quantity=number) for number in range(2000)]
            assert client.post_events(*batch).status_code == 413
            del batch
            kept = [each for each in gc.get_objects() if type(each) is dict and each.get("id") == "held"]
            assert kept == []
        finally:
            gc.enable()
