"""Single events over HTTP from 64 connections."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Final

from sqlalchemy import func, select

from core.access.keys import Scope
from core.usage.tables import LedgerEvent
from tests.bench import places
from tests.bench.clients import Answers, Clients, clients, for_seconds
from tests.bench.events import LICENSES, singles
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import make_licenses

PROCESSES: Final = 2
CONNECTIONS: Final = 64
CONSTANT: Final = "the same server answering a constant"
POSTGRESQL: Final = "single-event requests, 64 connections, PostgreSQL"
SQLITE: Final = "single-event requests, 64 connections, SQLite"


def run(scale: Scale) -> Iterator[Found]:
    """Single-event requests to committed, on each database, against a constant answer."""
    rounds, seconds = scale.of((2, 1.5), (5, 2.5), (9, 10))
    with ExitStack() as stack:
        senders = stack.enter_context(clients(PROCESSES))
        constant = stack.enter_context(places.constant(b'{"accepted":1,"duplicates":0,"rejected":[]}'))
        bare = _Load(senders, constant, "alw_" + "x" * 43, seconds)
        loads = {}
        for name, place in ((POSTGRESQL, places.postgresql), (SQLITE, places.sqlite)):
            url = stack.enter_context(place())
            database = stack.enter_context(places.opened(url))
            make_licenses(database, LICENSES)
            token = places.new_token(database, Scope.USAGE_WRITE)
            loads[name] = database, _Load(senders, stack.enter_context(places.server(url)), token, seconds)
        measures = {CONSTANT: bare.take, **{name: load.take for name, (_, load) in loads.items()}}
        taken = interleaved(rounds, measures)
        for name, (database, load) in loads.items():
            yield compare(taken, name, CONSTANT, "requests/s", "≥ 0.4")
            with database.read() as session:
                stored = session.scalar(select(func.count()).select_from(LedgerEvent))
            if stored != load.acknowledged:
                raise RuntimeError(f"{load.acknowledged} events were acknowledged and {stored} are in the ledger")
            yield Remark(f"{name}: {load.remark()}")
        yield Remark(f"{CONSTANT}: {bare.remark()}")


class _Load:
    """Rounds of single-event requests to one server."""

    def __init__(self, senders: Clients, server: places.Server, token: str, seconds: float) -> None:
        self._senders = senders
        self._server = server
        self._token = token
        self._seconds = seconds
        self._last: Answers | None = None
        self._spent = 0.0
        self.acknowledged = 0

    def take(self) -> float:
        """Requests answered in a second."""
        requests = [partial(_some, self._token, sender, self._seconds) for sender in range(PROCESSES)]
        before = self._server.processor_seconds()
        answers = self._senders.send([self._server.address], requests, CONNECTIONS // PROCESSES)
        answers.require_all()
        self._spent = (self._server.processor_seconds() - before) / len(answers.waited)
        self._last = answers
        self.acknowledged += len(answers.waited)
        return answers.rate

    def remark(self) -> str:
        """How long the last round's requests waited, and what each took of the server's processor."""
        if self._last is None:
            return "not taken"
        half, almost_all = self._last.percentile(50), self._last.percentile(99)
        spent = f"{self._spent * 1e3:.3f} ms of the server's processor time each"
        return f"half within {half:.1f} ms, 99 of 100 within {almost_all:.1f} ms; {spent}."


def _some(token: str, sender: int, seconds: float) -> Iterator[bytes]:
    return for_seconds(singles(token, sender), seconds)
