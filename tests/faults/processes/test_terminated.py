"""Workers at SIGTERM: what they have claimed and cannot finish is due at once, for other workers."""

from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select, update

from core.consumption.tables import Snapshot
from core.database.engine import Database
from core.queue.tables import RefreshRun
from tests.bench.licenses import make_licenses
from tests.e2e.plugins import install
from tests.e2e.processes import Installation, eventually
from tests.faults.plugins.partners import own_meter, plugin

LICENSES = 20
# Together the licenses take longer than the grace time.
SLOW = own_meter("slow", "time.sleep(1)\nreturn Reading(used=1)")


def runs(database: Database) -> list[RefreshRun]:
    with database.read() as session:
        return list(session.exec(select(RefreshRun)))


def refreshes(database: Database) -> list[int]:
    with database.read() as session:
        return [snapshot.refreshed for snapshot in session.exec(select(Snapshot))]


def test_a_worker_that_is_terminated_strands_no_license_that_it_has_claimed(
    tmp_path: Path, database_url: str, database: Database
) -> None:
    install(tmp_path / "partner", "slow", plugin(SLOW))
    settings: dict[str, object] = {
        "broker_url": "redis://127.0.0.1:1/0",  # nobody announces
        "grace_seconds": 1,
        "sweep_seconds": 0.2,
        "meter_timeout_seconds": 60,
    }
    installation = Installation(tmp_path, database_url, settings, (tmp_path / "partner",))
    make_licenses(database, LICENSES)
    with database.write() as session:
        session.exec(update(RefreshRun).values(due_at=datetime.now(UTC)))
    with installation.working() as worker:
        eventually(lambda: all(run.claim for run in runs(database)))
        worker.stop()
    assert {(run.status, run.claim, run.attempts) for run in runs(database)} == {("QUEUED", None, 0)}
    assert max(run.due_at for run in runs(database) if run.due_at) <= datetime.now(UTC)
    installation.path = ()
    with installation.working() as worker:
        eventually(lambda: min(refreshes(database)) > 0)
        worker.stop()
    assert refreshes(database) == [1] * LICENSES
