"""Batches of 1,000 events over HTTP from four senders, to committed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlmodel import col

from core.access.keys import Scope
from core.database.engine import Database
from core.usage.tables import LedgerEvent
from tests.bench import places
from tests.bench.clients import Clients, clients
from tests.bench.events import BATCH, LICENSES, batches, first_id
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import make_licenses
from tests.bench.memory import Memory
from tests.bench.writes import Copy, Insert

SENDERS: Final = 4
ONE: Final = "HTTP batches of 1,000, 4 senders, one server"
TWO: Final = "the same, two servers"


class Ingestion:
    """Rounds of batches to one server or several on one database."""

    def __init__(self, database: Database, senders: Clients, token: str, count: int) -> None:
        self._database = database
        self._senders = senders
        self._token = token
        self._count = count
        self.since = ""
        """The id from which on the events of the last round are."""

    def send(self, servers: Sequence[places.Server]) -> float:
        """Events committed in a second."""
        self.since = first_id()
        requests = [partial(batches, self._token, sender, self._count) for sender in range(SENDERS)]
        answers = self._senders.send([server.address for server in servers], requests, connections=1)
        answers.require_all()
        sent = SENDERS * self._count * BATCH
        with self._database.read() as session:
            stored = session.scalar(select(func.count()).where(col(LedgerEvent.id) >= self.since))
        if stored != sent:
            raise RuntimeError(f"{sent} events were acknowledged and {stored} are in the ledger")
        return sent / (answers.ended - answers.began)

    def effort(self, server: places.Server) -> str:
        """What a server's processor does for this, measured by a round of it."""
        before = server.processor_seconds()
        rate = self.send([server])
        spent = (server.processor_seconds() - before) / (SENDERS * self._count)
        cores = spent * rate / BATCH
        return f"The server's processor time for 1,000 events is {spent * 1e3:.1f} ms; it took {cores:.2f} cores."


def on_postgresql(scale: Scale) -> Iterator[Found]:
    """HTTP batches to PostgreSQL against a bare COPY, memory, and two servers against one."""
    rounds, count = scale.of(2, 5, 9), scale.of(5, 10, 50)
    with ExitStack() as stack:
        url = stack.enter_context(places.postgresql())
        database = stack.enter_context(places.opened(url))
        make_licenses(database, LICENSES)
        servers = [stack.enter_context(places.server(url)) for _ in range(2)]
        senders = stack.enter_context(clients(SENDERS))
        copy = stack.enter_context(closing(Copy(url)))
        ingestion = Ingestion(database, senders, places.new_token(database, Scope.USAGE_WRITE), count)
        memory = Memory(servers[0])
        taken = interleaved(
            rounds,
            {
                ONE: memory.noting(partial(ingestion.send, servers[:1])),
                Copy.BATCHES: lambda: copy.batches(ingestion.since),
                Copy.TEXT: lambda: copy.text(ingestion.since),
                TWO: partial(ingestion.send, servers),
            },
        )
        yield compare(taken, ONE, Copy.BATCHES, "events/s", "≥ 0.35")
        yield compare(taken, ONE, Copy.TEXT, "events/s")
        yield compare(taken, TWO, ONE, "events/s", "≥ 1.6 where the cores allow")
        yield from memory.found()
        yield Remark(ingestion.effort(servers[0]))


def on_sqlite(scale: Scale) -> Iterator[Found]:
    """HTTP batches to SQLite against executemany INSERT OR IGNORE into the same table."""
    rounds, count = scale.of(2, 5, 9), scale.of(5, 10, 50)
    with ExitStack() as stack:
        url = stack.enter_context(places.sqlite())
        database = stack.enter_context(places.opened(url))
        make_licenses(database, LICENSES)
        server = stack.enter_context(places.server(url))
        senders = stack.enter_context(clients(SENDERS))
        insert = stack.enter_context(closing(Insert(Path(make_url(url).database or ""))))
        ingestion = Ingestion(database, senders, places.new_token(database, Scope.USAGE_WRITE), count)
        memory = Memory(server)
        taken = interleaved(
            rounds,
            {
                ONE: memory.noting(partial(ingestion.send, [server])),
                Insert.BATCHES: lambda: insert.batches(ingestion.since),
            },
        )
        yield compare(taken, ONE, Insert.BATCHES, "events/s", "≥ 0.5")
        yield from memory.found()
        yield Remark(ingestion.effort(server))
