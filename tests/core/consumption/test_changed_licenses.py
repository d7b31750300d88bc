"""Watches of all licenses hear of each change once, by whichever process, and keep the newest of many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.consumption import changed_licenses
from core.consumption.changed_licenses import ChangedLicenses, LicensesWatch, last_changed
from core.consumption.readings.status import UsageStatus
from core.consumption.snapshots import mark_changed
from core.database.engine import Database
from core.licenses.tables import id_of
from tests.fixtures.engine import NOW

PATIENCE = 40


@pytest.fixture
def licenses(database: Database) -> list[int]:
    """The ids of three licenses."""
    with database.write() as session:
        return [id_of(put_license(session, LicenseInput(key=key, name=key), NOW)) for key in ("a", "b", "c")]


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Database]:
    """The same database, as another process has it."""
    database = Database(database_url)
    yield database
    database.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(PATIENCE):
            await work()

    asyncio.run(within())


def change(database: Database, license_id: int) -> None:
    with database.write() as session:
        mark_changed(session, license_id)


def test_each_watch_gets_each_change_once_in_order(
    database: Database, elsewhere: Database, licenses: list[int]
) -> None:
    change(database, licenses[2])  # before anybody watches

    async def work() -> None:
        changes = ChangedLicenses(database)
        async with (
            changes.watch(None) as one,
            changes.watch([UsageStatus.UNKNOWN]) as two,
            changes.watch([UsageStatus.OK]) as nothing,
        ):
            await asyncio.to_thread(change, elsewhere, licenses[1])
            assert [await watch.take() for watch in (one, two)] == [licenses[1]] * 2
            await asyncio.to_thread(change, database, licenses[0])
            assert [await watch.take() for watch in (one, two)] == [licenses[0]] * 2
            for watch in (one, two, nothing):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(watch.take(), 0.01)

    run(work)
    with database.read() as session:
        assert last_changed(session, None) == licenses[0]
        assert last_changed(session, [UsageStatus.OK]) is None


def test_a_commit_of_this_process_is_noticed_without_waiting_for_the_next_poll(
    database: Database, licenses: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed_licenses, "EVERY", 1000.0)

    async def work() -> None:
        async with ChangedLicenses(database).watch(None) as watch:
            await asyncio.to_thread(change, database, licenses[0])
            assert await watch.take() == licenses[0]

    run(work)


def test_polling_ends_with_the_last_watch_and_begins_anew_with_the_next(
    database: Database, licenses: list[int]
) -> None:
    async def work() -> None:
        changes = ChangedLicenses(database)
        async with changes.watch(None):
            assert len(asyncio.all_tasks()) == 2
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        await asyncio.to_thread(change, database, licenses[0])
        async with changes.watch(None) as watch:
            await asyncio.to_thread(change, database, licenses[1])
            assert await watch.take() == licenses[1]

    run(work)


def test_a_watch_that_is_not_taken_from_keeps_the_newest_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_licenses, "MOST_WAITING", 3)

    async def work() -> None:
        watch = LicensesWatch(None)
        for license_id in (1, 2, 3, 4, 3):
            watch.put_back(license_id)
        assert [await watch.take() for _ in range(3)] == [2, 4, 3]

    run(work)
