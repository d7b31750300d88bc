"""Watches of all licenses hear of each change once, by whichever process, and keep the newest of many."""

import asyncio

import pytest

from core.consumption import changed_licenses
from core.consumption.changed_licenses import ChangedLicenses, LicensesWatch, last_changed
from core.consumption.readings.status import UsageStatus
from core.database.engine import Database
from tests.core.consumption.following import change, run


def test_each_watch_gets_each_change_once_in_order(
    database: Database, elsewhere: Database, three_licenses: list[int]
) -> None:
    change(database, three_licenses[2])  # before anybody watches

    async def work() -> None:
        changes = ChangedLicenses(database)
        async with (
            changes.watch(None) as one,
            changes.watch([UsageStatus.UNKNOWN]) as two,
            changes.watch([UsageStatus.OK]) as nothing,
        ):
            await asyncio.to_thread(change, elsewhere, three_licenses[1])
            assert [await watch.take() for watch in (one, two)] == [three_licenses[1]] * 2
            await asyncio.to_thread(change, database, three_licenses[0])
            assert [await watch.take() for watch in (one, two)] == [three_licenses[0]] * 2
            for watch in (one, two, nothing):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(watch.take(), 0.01)

    run(work)
    with database.read() as session:
        assert last_changed(session, None) == three_licenses[0]
        assert last_changed(session, [UsageStatus.OK]) is None


def test_a_commit_of_this_process_is_noticed_without_waiting_for_the_next_poll(
    database: Database, three_licenses: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed_licenses, "EVERY", 1000.0)

    async def work() -> None:
        async with ChangedLicenses(database).watch(None) as watch:
            await asyncio.to_thread(change, database, three_licenses[0])
            assert await watch.take() == three_licenses[0]

    run(work)


def test_polling_ends_with_the_last_watch_and_begins_anew_with_the_next(
    database: Database, three_licenses: list[int]
) -> None:
    async def work() -> None:
        changes = ChangedLicenses(database)
        async with changes.watch(None):
            assert len(asyncio.all_tasks()) == 2
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        await asyncio.to_thread(change, database, three_licenses[0])
        async with changes.watch(None) as watch:
            await asyncio.to_thread(change, database, three_licenses[1])
            assert await watch.take() == three_licenses[1]

    run(work)


def test_a_watch_that_is_not_taken_from_keeps_the_newest_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_licenses, "MOST_WAITING", 3)

    async def work() -> None:
        watch = LicensesWatch(None)
        for license_id in (1, 2, 3, 4, 3):
            watch.put_back(license_id)
        assert [await watch.take() for _ in range(3)] == [2, 4, 3]

    run(work)
