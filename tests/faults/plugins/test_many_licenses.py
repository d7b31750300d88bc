"""Many licenses with a year to measure and one meter that loops: all else is refreshed, and no lease runs out."""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import delete, insert
from sqlmodel import col, func, select, update

from core.consumption.readings.documents import decode_reading
from core.consumption.tables import ReadingHistory, Snapshot
from core.database.engine import Database
from core.plugins.breaker import load_pauses
from core.queue.tables import RefreshRun
from core.usage.tables import LateUsage
from tests.bench.licenses import license_key, make_licenses
from tests.e2e.plugins import install
from tests.e2e.processes import Installation
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import engine_with, own_meter, plugin
from tests.faults.plugins.test_breaker import HONEST
from tests.fixtures.engine import usage_event
from tests.forms import long, whole

pytestmark = pytest.mark.needs("postgres")
YEAR = timedelta(days=364)
LEASE = 20
"""Seconds of a lease: less than a worker takes for the licenses that it has claimed."""
LOOPS = own_meter("loops", "while True: pass")


@contextmanager
def most_attempts(database: Database) -> Iterator[list[int]]:
    """Yield the largest numbers of claims of a run that did not finish, as seen from time to time."""
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(1):
            with database.read() as session:
                seen.append(session.exec(select(func.max(RefreshRun.attempts))).one())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def make_year(load: Load, database: Database, licenses: int) -> None:
    """Make licenses that are due, each with a year to measure again, and with as much usage as its number."""
    make_licenses(database, licenses)
    now = datetime.now(UTC)
    used = [
        usage_event("job.done", license_key(number), now - timedelta(days=2), quantity=number)
        for number in range(1, licenses)
    ]
    with engine_with(load(good=HONEST), database) as engine:
        engine.backfill(*used, now=now)
    since = (now - YEAR).date()
    with database.write() as session:
        session.execute(delete(LateUsage))
        session.execute(
            insert(LateUsage), [{"license_id": number, "since": since} for number in range(1, licenses + 1)]
        )
        session.execute(update(RefreshRun).values(due_at=now))


def processor_seconds() -> float:
    """Return the processor time of the children of this process that have ended, with their own children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def refreshed(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(Snapshot).where(col(Snapshot.refreshed) > 0)).one()


@pytest.mark.timeout(900)  # a year of each license is measured
@pytest.mark.parametrize("licenses", [20, long(60), whole(300)])
def test_a_meter_that_loops_delays_no_license_with_a_year_to_measure(
    load: Load,
    new_postgresql: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
    licenses: int,
    record_property: Callable[[str, object], None],
) -> None:
    partner = tmp_path / "partner"
    install(partner, "bad", plugin(LOOPS))
    install(partner, "good", plugin(HONEST))
    settings: dict[str, object] = {
        "broker_url": "redis://127.0.0.1:1/0",  # nobody announces
        "meter_timeout_seconds": 2,
        "refresh_lease_seconds": LEASE,
    }
    with new_postgresql() as url, closing(Database(url)) as database:
        make_year(load, database, licenses)
        installation = Installation(tmp_path, url, settings, (partner,))
        began, before = monotonic(), processor_seconds()
        with most_attempts(database) as attempts, installation.working() as one, installation.working() as other:
            while refreshed(database) < licenses:  # as long as the machine takes
                sleep(1)
            record_property("refreshed after seconds", round(monotonic() - began))
            for worker in (one, other):
                worker.stop()
            record_property("processor seconds", round(processor_seconds() - before))
        assert max(attempts) == 1  # a run whose lease had run out would have been claimed once more
        with database.read() as session:
            assert load_pauses(session).meters.keys() == {"loops"}
            for number, snapshot in enumerate(session.exec(select(Snapshot).order_by(col(Snapshot.license_id)))):
                readings = {meter: decode_reading(document) for meter, document in snapshot.readings.items()}
                assert readings["honest"].used == number
                assert {meter for meter, reading in readings.items() if reading.problem} == {"loops"}
            days = select(func.count()).select_from(ReadingHistory).group_by(col(ReadingHistory.license_id))
            assert min(session.exec(days)) > YEAR.days
