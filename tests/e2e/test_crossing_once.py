"""Several processes refresh the same licenses at the same time, while limits are crossed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import select

from core.alerts.tables import Alert
from core.database.engine import Database
from core.delivery.message_kinds import CROSSED, RECOVERED
from core.delivery.outbox.tables import Message
from tests.e2e.crossings import METERS, deliveries, engine_on, make_crossing, report
from tests.e2e.processes import Installation

LICENSES = 30


def refresh_all_at_once(installation: Installation, processes: int) -> None:
    """Each process asks for all licenses, and takes what it or another has asked for, a few at a time."""
    installation.settings |= {"refresh_batch": 3}
    with ThreadPoolExecutor(processes) as threads:
        for done in list(threads.map(lambda _: installation.run("refresh", within=100), range(processes))):
            assert (done.returncode, done.stdout) == (0, f"{LICENSES} of {LICENSES} licenses refreshed.\n"), done.stderr


def told(database: Database) -> Counter[tuple[int, str]]:
    """How many messages there are of each license and kind."""
    with database.read() as session:
        return Counter((one.license_id, one.kind) for one in session.exec(select(Message)))


@pytest.mark.long
def test_processes_that_refresh_the_same_licenses_at_once_record_a_crossing_and_its_recovery_once(
    installation: Installation, database: Database, long_form: bool
) -> None:
    processes = 4 if long_form else 2
    with engine_on(installation.database_url) as engine:
        keys = make_crossing(engine, LICENSES, "http://127.0.0.1:1/hooks")
        refresh_all_at_once(installation, processes)
        crossed = {(license_id, CROSSED): 1 for license_id in range(1, LICENSES + 1)}
        assert told(database) == crossed
        with database.read() as session:
            alerts = Counter((one.license_id, one.meter) for one in session.exec(select(Alert)))
        assert alerts == {(license_id, meter): 1 for license_id in range(1, LICENSES + 1) for meter in METERS}
        assert len(deliveries(database)) == 2 * LICENSES  # an e-mail and a webhook

        report(engine, keys, over=False)
        refresh_all_at_once(installation, processes)
    assert told(database) == crossed | {(license_id, RECOVERED): 1 for license_id in range(1, LICENSES + 1)}
    assert len(deliveries(database)) == 3 * LICENSES  # recoveries are told to endpoints alone
