"""Followers of licenses hear of changes, by whichever process, and cost one statement however many they are."""

import asyncio
from contextlib import ExitStack

import pytest

from core.consumption import changes
from core.consumption.changes import Changes, Watch
from core.consumption.current import load_versions
from core.database.engine import Database
from tests.core.consumption.following import change, run


async def told(watch: Watch, version: int) -> None:
    """Wait until that version is told, as a subscription does."""
    while watch.seen != version:
        await watch.changed.wait()
        watch.changed.clear()
        watch.seen = watch.newest


def test_what_another_process_commits_is_told_to_who_follows_that_license(
    database: Database, elsewhere: Database, three_licenses: list[int]
) -> None:
    async def work() -> None:
        following = Changes(database)
        with following.watch(three_licenses[0], 0) as first, following.watch(three_licenses[1], 0) as second:
            change(elsewhere, three_licenses[0])
            await told(first, 1)
            change(elsewhere, three_licenses[1])
            change(elsewhere, three_licenses[1])
            await told(second, 2)
            assert (first.newest, first.changed.is_set()) == (1, False)

    run(work)


def test_what_this_process_commits_is_told_without_waiting_for_the_next_look(
    database: Database, three_licenses: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "EVERY", 1000.0)

    async def work() -> None:
        following = Changes(database)
        with following.watch(three_licenses[0], 0) as watch:
            await asyncio.sleep(0)
            await asyncio.to_thread(change, database, three_licenses[0])
            await told(watch, 1)

    run(work)


def test_who_saw_an_older_version_is_told_at_the_next_look(database: Database, three_licenses: list[int]) -> None:
    change(database, three_licenses[0])

    async def work() -> None:
        following = Changes(database)
        with following.watch(three_licenses[0], 1) as knows, following.watch(three_licenses[0], 0) as behind:
            await told(behind, 1)
            assert not knows.changed.is_set()

    run(work)


def test_all_licenses_are_looked_at_in_one_statement_and_only_while_they_are_followed(
    database: Database, three_licenses: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "EVERY", 0.01)
    monkeypatch.setattr(changes, "PAUSE", 0.01)
    looks: list[set[int]] = []

    def load(database: Database, wanted: set[int]) -> dict[int, int]:
        looks.append(set(wanted))
        return load_versions(database, wanted)

    monkeypatch.setattr(changes, "load_versions", load)

    async def work() -> None:
        following = Changes(database)
        await asyncio.sleep(0.1)
        assert looks == []
        with ExitStack() as stack:
            for license_id in three_licenses * 10:
                stack.enter_context(following.watch(license_id, 0))
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert looks == [set(three_licenses)] * len(looks)
        looked = len(looks)
        await asyncio.sleep(0.1)
        assert len(looks) == looked
        assert len(asyncio.all_tasks()) == 1

    run(work)
