"""Check-ins over HTTP from 16 connections."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count, cycle
from typing import Final

import orjson

from core.access.keys import Scope
from tests.bench import places
from tests.bench.clients import Answers, Clients, Requests, clients, for_seconds, http_post
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import license_key, make_licenses

PROCESSES: Final = 2
CONNECTIONS: Final = 16
INSTALLATIONS: Final = 1_000
"""Each of the senders' own."""
ANSWER: Final = (
    b'{"decision":"KNOWN","backOffDays":null,"retryAt":null,"quota":null,"remaining":null,"outage":false,"reason":null}'
)
CONSTANT: Final = "the same server answering a constant"
UNLIMITED: Final = {
    "check_ins_per_second": 10**9,
    "new_installations_per_second": 10**9,
    "quota_newcomers_per_hour": 10**9,
}


def run(scale: Scale) -> Iterator[Found]:
    """Check-ins of known and of new installations over HTTP, on each database, against a constant answer."""
    rounds, seconds = scale.of((3, 1.5), (5, 3), (9, 10))
    with ExitStack() as stack:
        senders = stack.enter_context(clients(PROCESSES))
        constant = stack.enter_context(places.constant(ANSWER))
        loads = {CONSTANT: _Load(senders, constant, [partial(_known, "x", n, seconds) for n in range(PROCESSES)])}
        for database, place in (("PostgreSQL", places.postgresql), ("SQLite", places.sqlite)):
            url = stack.enter_context(place())
            with places.opened(url) as opened:
                make_licenses(opened, 2)
                token = places.new_token(opened, Scope.CHECK_IN_WRITE)
            known = [partial(_known, token, number, seconds) for number in range(PROCESSES)]
            new = [partial(_new, token, number, seconds) for number in range(PROCESSES)]
            server = stack.enter_context(places.server(url, **UNLIMITED))
            loads[f"check-ins of known installations, {database}"] = _Load(senders, server, known)
            if database == "PostgreSQL":
                forgetful = stack.enter_context(places.server(url, installations_remembered=1, **UNLIMITED))
                loads["check-ins of installations that the server does not remember, PostgreSQL"] = _Load(
                    senders, forgetful, known
                )
            loads[f"check-ins of new installations, {database}"] = _Load(senders, server, new)
        taken = interleaved(rounds, {name: load.take for name, load in loads.items()})
        for name, load in loads.items():
            if name != CONSTANT:
                yield compare(taken, name, CONSTANT, "requests/s", "≥ 0.5" if " known " in name else "")
            yield Remark(f"{name}: {load.remark()}")


class _Load:
    """Rounds of requests to one server."""

    def __init__(self, senders: Clients, server: places.Server, requests: Sequence[Requests]) -> None:
        self._senders = senders
        self._server = server
        self._requests = requests
        self._last: Answers | None = None
        self._ratios: list[float] = []

    def take(self) -> float:
        """Requests answered in a second."""
        answers = self._senders.send([self._server.address], self._requests, CONNECTIONS // PROCESSES)
        answers.require_all()
        self._ratios.append(answers.percentile(99) / answers.percentile(50))
        self._last = answers
        return answers.rate

    def remark(self) -> str:
        """How long requests waited."""
        if self._last is None:
            return "not taken"
        half, almost_all = self._last.percentile(50), self._last.percentile(99)
        ratios = ", ".join(f"{ratio:.1f}" for ratio in self._ratios[1:])
        return f"half within {half:.2f} ms, 99 of 100 within {almost_all:.2f} ms; p99 ÷ median by round: {ratios}."


def _request(token: str, installation: str) -> bytes:
    return http_post("/check-in", token, orjson.dumps({"license": license_key(0), "installation": installation}))


def _known(token: str, sender: int, seconds: float) -> Iterator[bytes]:
    """The same installations over and over; the first round, which warms up, admits them."""
    requests = [_request(token, f"{sender}-{number}") for number in range(INSTALLATIONS)]
    return for_seconds(cycle(requests), seconds)


_round = count()


def _new(token: str, sender: int, seconds: float) -> Iterator[bytes]:
    number = next(_round)
    return for_seconds((_request(token, f"new-{sender}-{number}-{one}") for one in count()), seconds)
