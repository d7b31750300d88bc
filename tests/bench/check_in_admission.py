"""New installations admitted in PostgreSQL: against a bare insert, under contention, and into a large window."""

import multiprocessing
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any, Final

import psycopg

from core.admission.admitter import Admitter
from core.admission.check_in import CheckInRequest
from core.admission.quota_state import load_quota_states
from core.database.engine import Database
from core.plugins.host import load_plugins
from core.settings import Settings
from tests.bench import places
from tests.bench.findings import Found, Scale, compare, interleaved
from tests.bench.licenses import license_key, make_licenses

FEW: Final = 16
CLIENTS: Final = 48
SERVERS: Final = 8
LICENSES: Final = 64
METER: Final = "active_installations"
INSERT: Final = "bare single-row inserts into a table of the same make, {} clients"
ONE: Final = "new installations of one license, one server, {} clients"
MANY: Final = "new installations of 48 licenses, one server, {} clients"
INSERT_SERVERS: Final = f"bare inserts from {SERVERS} processes"
SERVERS_ONE: Final = f"new installations of one license, {SERVERS} servers with one client each"
SERVERS_MANY: Final = f"new installations of {SERVERS} licenses, {SERVERS} servers with one client each"
Work = Callable[[], None]
SMALL: Final = 10_000


def run(scale: Scale) -> Iterator[Found]:
    """New installations admitted in PostgreSQL against bare inserts of as many clients, and contention on a license."""
    rounds, seconds = scale.of((2, 1.5), (5, 3), (9, 10))
    with ExitStack() as stack:
        url = stack.enter_context(places.postgresql())
        database = stack.enter_context(places.opened(url))
        make_licenses(database, LICENSES)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (LIKE installation INCLUDING ALL)")
        yield from _one_server(url, database, rounds, seconds)
        yield from _servers(url, rounds, seconds)


def _one_server(url: str, database: Database, rounds: int, seconds: float) -> Iterator[Found]:
    with ExitStack() as stack:
        admitter = stack.enter_context(closing(_admitter(database, url)))
        connections = [stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(CLIENTS)]
        inserts: list[Work] = [partial(_insert, connection) for connection in connections]
        one: list[Work] = [partial(_admit, admitter, 0)] * CLIENTS
        many: list[Work] = [partial(_admit, admitter, number) for number in range(CLIENTS)]
        taken = interleaved(
            rounds,
            {
                what.format(count): partial(_rate, clients[:count], seconds)
                for count in (FEW, CLIENTS)
                for what, clients in ((INSERT, inserts), (ONE, one), (MANY, many))
            },
        )
    for count in (FEW, CLIENTS):
        for what in (ONE, MANY):
            yield compare(taken, what.format(count), INSERT.format(count), "installations/s", "≥ 0.5")


def _servers(url: str, rounds: int, seconds: float) -> Iterator[Found]:
    with closing(_Processes(url)) as processes:
        taken = interleaved(
            rounds,
            {
                INSERT_SERVERS: partial(processes.rate, "insert", seconds),
                SERVERS_ONE: partial(processes.rate, "one", seconds),
                SERVERS_MANY: partial(processes.rate, "many", seconds),
            },
        )
    yield compare(taken, SERVERS_ONE, INSERT_SERVERS, "installations/s")
    yield compare(taken, SERVERS_MANY, INSERT_SERVERS, "installations/s")
    yield compare(taken, SERVERS_ONE, SERVERS_MANY, "installations/s")


def size(scale: Scale) -> Iterator[Found]:
    """Check-ins in a window of ten thousand installations and in one of millions."""
    rounds, seconds, large = scale.of((2, 1.5, 200_000), (5, 3, 1_000_000), (9, 10, 5_000_000))
    with ExitStack() as stack:
        measures: dict[str, Callable[[], float]] = {}
        for count in (SMALL, large):
            url = stack.enter_context(places.postgresql())
            database = stack.enter_context(places.opened(url))
            make_licenses(database, 1)
            admitter = stack.enter_context(closing(_admitter(database, url, remembered=1)))
            known = cycle(_fill(url, database, admitter, count))
            measures[f"known, of {count:,}"] = lambda one=admitter, known=known: _rate(
                [lambda: _check_in(one, 0, next(known))] * FEW, seconds
            )
            measures[f"new, beside {count:,}"] = lambda one=admitter: _rate([lambda: _admit(one, 0)] * FEW, seconds)
        taken = interleaved(rounds, measures)
        for what in ("known, of", "new, beside"):
            yield compare(taken, f"{what} {large:,}", f"{what} {SMALL:,}", "check-ins/s", "about 1")


def _admitter(database: Database, url: str, remembered: int = 200_000) -> Admitter:
    settings = Settings(
        database_url=url,
        check_ins_per_second=10**9,
        new_installations_per_second=10**9,
        quota_newcomers_per_hour=10**9,
        installations_remembered=remembered,
    )
    return Admitter(database, load_plugins(), settings)


def _check_in(admitter: Admitter, license: int, installation: str) -> None:
    admitter.check_in(CheckInRequest(license_key(license), METER, installation, "bench"))


def _admit(admitter: Admitter, license: int) -> None:
    _check_in(admitter, license, secrets.token_hex(16))


def _insert(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "INSERT INTO bare (license_id, meter, digest, identifier, place, seen) VALUES (%s, %s, %s, %s, %s, %s)",
        (1, METER, secrets.token_bytes(16), secrets.token_hex(16), 1_800_000_000_000_000, 1_800_000_000_000_000),
    )


def _rate(clients: list[Work], seconds: float) -> float:
    """How often a second the clients, each a thread, did what they do."""
    until = monotonic() + seconds
    done = [0] * len(clients)

    def work(number: int) -> None:
        while monotonic() < until:
            clients[number]()
            done[number] += 1

    began = monotonic()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (monotonic() - began)


class _Processes:
    """Servers, each a process with one client of its own."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        pairs = [context.Pipe() for _ in range(SERVERS)]
        self._pipes = [ours for ours, _ in pairs]
        self._processes = [
            context.Process(target=_serve, args=(theirs, url, number), daemon=True)
            for number, (_, theirs) in enumerate(pairs)
        ]
        for process in self._processes:
            process.start()
        for pipe in self._pipes:
            pipe.recv()

    def rate(self, what: str, seconds: float) -> float:
        for pipe in self._pipes:
            pipe.send((what, seconds))
        return sum(pipe.recv() for pipe in self._pipes)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.join()


def _serve(pipe: Connection, url: str, number: int) -> None:
    with closing(Database(url)) as database, psycopg.connect(url, autocommit=True) as connection:
        admitter = _admitter(database, url)
        works: dict[str, tuple[Any, ...]] = {
            "insert": (_insert, connection),
            "one": (_admit, admitter, 0),
            "many": (_admit, admitter, number),
        }
        pipe.send(None)
        while True:
            what, seconds = pipe.recv()
            work, *given = works[what]
            pipe.send(_rate([partial(work, *given)], seconds))


def _fill(url: str, database: Database, admitter: Admitter, count: int) -> list[str]:
    """Have so many installations admitted; some of them."""
    place = (license_key(0), METER)
    standing = load_quota_states(database, [place], admitter.quota_meters.meters, datetime.now(UTC))[place]
    known = [f"known-{number}" for number in range(SMALL)]
    _check_in(admitter, 0, known[0])
    seen = standing.quota.starts_at + 1
    with psycopg.connect(url, autocommit=True) as connection:
        into = "INSERT INTO installation (license_id, meter, digest, identifier, place, seen) "
        connection.cursor().executemany(
            into + "VALUES (%s, %s, %s, %s, %s, %s)",
            [(*standing.key_of(name), name, standing.quota.starts_at, seen) for name in known[1:]],
        )
        connection.execute(
            into + "SELECT %s, %s, decode(md5(number::text), 'hex'), md5(number::text), %s, %s "
            "FROM generate_series(1, %s) AS number",
            (standing.quota.license_id, METER, standing.quota.starts_at, seen, count - SMALL),
        )
        connection.execute("UPDATE admission_window SET used = %s", (count,))
        connection.execute("VACUUM ANALYZE installation")
        connection.execute("CHECKPOINT")
    return known
