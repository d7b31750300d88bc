"""Processes that are stopped and continued later: others take over, and the continued one gives up what it has lost."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import Session, col, func, select

from core.alerts.tables import Alert
from core.consumption.tables import ReadingHistory, Snapshot
from core.database.engine import Database
from core.delivery.outbox.tables import DeliveryStatus
from core.queue.tables import RefreshRun
from core.usage.tables import LedgerEvent
from tests.api.server import Client, cloudevent
from tests.e2e.crossings import NETWORKS, deliveries, engine_on, make_crossing
from tests.e2e.operations import put_licenses
from tests.e2e.processes import Installation, eventually
from tests.e2e.recipients import Recipients, recipients
from tests.faults.processes.stopping import (
    CLAIMED,
    COMMITTING,
    LEASE_SECONDS,
    MEASURED,
    SAVING,
    Step,
    continue_,
    stopped_at,
    wait_until_stopped,
)
from tests.services.brokers import emptied_redis, rabbitmq_queues
from tests.services.finder import Services

# On SQLite, whoever writes holds the file, and a process that stands still may hold it on.
pytestmark = [
    pytest.mark.needs("postgres"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
LICENSES = 5
NO_BROKER = "redis://127.0.0.1:1/0"
QUEUE = "work"


@pytest.fixture
def there() -> Iterator[Recipients]:
    with recipients() as found:
        yield found


@pytest.fixture
def installation(tmp_path: Path, database_url: str, there: Recipients) -> Installation:
    """Workers that find due work by themselves."""
    settings: dict[str, object] = {
        "broker_url": NO_BROKER,
        "smtp_url": there.smtp_url,
        "webhook_networks": NETWORKS,
        "sweep_seconds": 0.2,
        "refresh_lease_seconds": LEASE_SECONDS,
    }
    return Installation(tmp_path, database_url, settings)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.needs(name)) for name in ("redis", "rabbitmq")])
def broker(request: pytest.FixtureRequest, services: Services) -> Iterator[dict[str, object]]:
    """The settings of an empty queue on a broker."""
    url = services.url(request.param)
    if request.param == "redis":
        with emptied_redis(url):
            yield {"broker_url": url}
    else:
        with rabbitmq_queues(url, QUEUE) as prefix:
            yield {"broker_url": url, "queue": prefix + QUEUE}


def all_sent(database: Database) -> bool:
    found = deliveries(database)
    return len(found) == 2 * LICENSES and {one.status for one in found} == {DeliveryStatus.SENT.value}


def require_once(database: Database, there: Recipients) -> None:
    """Require that each license was refreshed once, and each message sent once."""
    sent = deliveries(database)
    assert there.arrived == Counter({(one.channel, one.id): 1 for one in sent})
    with database.read() as session:
        assert {snapshot.refreshed for snapshot in session.exec(select(Snapshot))} == {1}
        assert rows(session, ReadingHistory) == LICENSES
        alerts = [(alert.license_id, alert.meter, alert.ratio) for alert in session.exec(select(Alert))]
        assert len(set(alerts)) == len(alerts)
        assert {(run.status, run.claim, run.attempts) for run in session.exec(select(RefreshRun))} == {
            ("QUEUED", None, 0)
        }


def rows(session: Session, table: type[ReadingHistory | LedgerEvent]) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


@pytest.mark.parametrize("step", [CLAIMED, MEASURED, SAVING], ids=lambda step: step.name)
def test_another_worker_takes_over_from_one_that_is_stopped_which_gives_up_what_it_lost(
    installation: Installation, database: Database, there: Recipients, step: Step
) -> None:
    with engine_on(installation.database_url) as engine:
        make_crossing(engine, LICENSES, there.hooks_url)
    with stopped_at(step, installation, "worker") as stopped:
        wait_until_stopped(stopped)
        with installation.working():
            eventually(lambda: all_sent(database))
            continue_(stopped)
            stopped.stop()
    require_once(database, there)


def test_a_stopped_worker_holds_up_no_announced_refresh(
    installation: Installation, database: Database, there: Recipients, broker: dict[str, object]
) -> None:
    installation.settings |= broker | {"sweep_seconds": 3600}
    with engine_on(installation.database_url) as engine:
        make_crossing(engine, LICENSES, there.hooks_url)
    with stopped_at(MEASURED, installation, "worker") as stopped:
        wait_until_stopped(stopped)
        installation.settings["sweep_seconds"] = 0.2
        with installation.working():
            eventually(lambda: all_sent(database))
            continue_(stopped)
            stopped.stop()
    require_once(database, there)


def test_a_server_that_is_stopped_amid_a_transaction_holds_up_no_other_and_counts_no_event_twice(
    installation: Installation, database: Database
) -> None:
    def send(client: Client, id: str) -> tuple[int, int]:
        answer = client.post_events(cloudevent("interaction.sent", "acme", id))
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers
        return answer.status_code, answer.json().get("accepted", 0)

    with (
        stopped_at(COMMITTING, installation, "serve", "--port", "0") as stopped,
        installation.serving() as (_, url),
        installation.client(url) as client,
        ThreadPoolExecutor(2) as threads,
    ):
        put_licenses(client, ["acme"])
        own = stopped.says("My consumption: ").removesuffix("/consumption")
        token = str(client.headers["Authorization"]).removeprefix("Bearer ")
        with Client(own, token) as to_stopped:
            waiting = threads.submit(send, to_stopped, "one")
            wait_until_stopped(stopped)
            # The same event as well, which waits for the transaction that stands still.
            same, other = threads.submit(send, client, "one"), send(client, "two")
            assert (same.result(), other) == ((200, 1), (200, 1))
            continue_(stopped)
            assert waiting.result() == (503, 0)
            assert send(to_stopped, "one") == (200, 0)
    with database.read() as session:
        assert sorted(session.exec(select(col(LedgerEvent.id)))) == ["one", "two"]
    assert installation.run("recount").returncode == 0
