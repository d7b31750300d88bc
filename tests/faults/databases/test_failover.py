"""A primary of PostgreSQL is lost, and its replica takes over: nothing acknowledged is lost, and service goes on."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from core.admission.tables import AdmissionWindow
from core.admission.tables import Installation as Place
from core.database.engine import Database
from core.usage.tables import LedgerEvent, UsageSum
from tests.conftest import migrate
from tests.e2e.operations import put_licenses
from tests.e2e.processes import Installation, eventually
from tests.faults.databases.failover import INSTALLATIONS, Pair, Traffic, pair
from tests.faults.databases.vanishing import Host, vanishing_host
from tests.forms import long
from tests.services import PostgresServer

pytestmark = pytest.mark.needs("own-postgres")
PLACES = INSTALLATIONS // 2
AWAY = {503, "UNAVAILABLE"}
BOUND = 60
"""Seconds within which a busy machine serves again what it serves after less than 10."""


def directly(primary: PostgresServer) -> tuple[str, int]:
    return "127.0.0.1", primary.port


def kill(pair: Pair, host: Host | None) -> None:
    pair.primary.kill()


def stop(pair: Pair, host: Host | None) -> None:
    pair.primary.control("stop", "--mode=fast")


def cut_off(pair: Pair, host: Host | None) -> None:
    assert host
    host.vanish()


def traffic_of(stack: ExitStack, pair: Pair, home: Path) -> tuple[Installation, Traffic]:
    """Start a server on the pair, with a license that has a quota."""
    migrate(pair.url)
    installation = Installation(home, pair.url, {"quota_newcomers_per_hour": 100_000})
    _, url = stack.enter_context(installation.serving())
    client = stack.enter_context(installation.client(url))
    put_licenses(client, ["acme"], {"active_installations": PLACES})
    return installation, Traffic(url, str(client.headers["Authorization"]).removeprefix("Bearer "))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "fault", [kill, long(stop), pytest.param(cut_off, marks=[pytest.mark.needs("namespaces"), pytest.mark.long])]
)
def test_a_synchronous_replica_takes_over_and_nothing_acknowledged_is_lost(
    tmp_path: Path, fault: Callable[[Pair, Host | None], None], record_property: Callable[[str, object], None]
) -> None:
    host: Host | None = None
    with ExitStack() as stack:

        def isolated(primary: PostgresServer) -> tuple[str, int]:
            nonlocal host
            host = stack.enter_context(vanishing_host(primary.port))
            return host.address, host.port

        servers = stack.enter_context(pair(isolated if fault is cut_off else directly, synchronous=True))
        installation, traffic = traffic_of(stack, servers, tmp_path)
        with traffic.flowing():
            eventually(lambda: traffic.works_since(0) and len(traffic.acknowledged) > 20)
            assert len(traffic.admitted) < PLACES
            fault(servers, host)
            servers.promote()
            promoted = monotonic()
            eventually(lambda: traffic.works_since(promoted), within=BOUND)
            record_property("served again after seconds", round(monotonic() - promoted, 1))
            eventually(lambda: len(traffic.admitted) == PLACES and traffic.last["check-in"] == float("inf"))
        assert traffic.refused.keys() <= AWAY, traffic.refused
        counted = installation.run("recount")
        assert counted.returncode == 0, counted.stdout + counted.stderr
        with closing(Database(servers.url)) as database, database.read() as session:
            kept = set(session.scalars(select(LedgerEvent.id)))
            assert traffic.acknowledged <= kept
            assert session.exec(select(sa.func.sum(col(UsageSum.whole)))).one() == len(kept)
            places = set(session.scalars(select(Place.identifier).where(col(Place.place).is_not(None))))
            assert traffic.admitted == places
            assert session.exec(select(AdmissionWindow.used)).one() == PLACES


@pytest.mark.timeout(300)
@pytest.mark.parametrize("synchronous", [long(True), False])
def test_only_without_synchronous_replication_a_replica_that_is_behind_loses_acknowledged_events(
    tmp_path: Path, synchronous: bool
) -> None:
    """The control run: the check for losses finds those of a primary that acknowledges what its replica lacks."""
    with ExitStack() as stack:
        servers = stack.enter_context(pair(directly, synchronous=synchronous))
        _, traffic = traffic_of(stack, servers, tmp_path)
        with traffic.flowing():
            eventually(lambda: traffic.works_since(0))
            servers.stop_receiving()
            before = len(traffic.acknowledged)
            if not synchronous:
                eventually(lambda: len(traffic.acknowledged) > before + 10)
            servers.primary.kill()
            servers.promote()
            promoted = monotonic()
            eventually(lambda: traffic.works_since(promoted), within=BOUND)
        assert traffic.refused.keys() <= AWAY, traffic.refused
        with closing(Database(servers.url)) as database, database.read() as session:
            lost = traffic.acknowledged - set(session.scalars(select(LedgerEvent.id)))
        assert bool(lost) is not synchronous
