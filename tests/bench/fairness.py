"""The wait of one key's requests while another key asks for as much as it can.

Each wait is measured twice: on the clock, and as the processor time that the server took in the meantime, which is near
to the wait on a machine that does nothing else.
"""

import asyncio
import http.client
import multiprocessing
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice, repeat
from multiprocessing.synchronize import Event
from time import clock_gettime, monotonic, sleep
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import orjson
from websockets.asyncio.client import ClientConnection

from api.endpoints.pages import ELEMENTS
from core.access.keys import Scope
from core.database.engine import Database
from tests.bench import places
from tests.bench.clients import http_post
from tests.bench.findings import Finding, Found, Remark, Scale
from tests.bench.following import change_all, next_answer, open_socket, subscribe
from tests.bench.licenses import license_key
from tests.bench.read_overview import DATABASES, LICENSES, fill, overviews

CLIENTS: Final = 40
SUBSCRIPTIONS: Final = 200
CHANGES_SECONDS: Final = 0.5
"""Seconds between two changes of all licenses, of which each subscription sends its readings."""
AIM: Final = "less than 5"
AIM_OF_EVENTS: Final = "1,000 ms"
READS: Final = f"{CLIENTS} clients of another key that ask for 50 past days"
FOLLOWS: Final = f"{SUBSCRIPTIONS} costly subscriptions of another key"
WRITES: Final = "8 clients of another key that send batches of 10,000"
REPEATS: Final = "8 clients of another key that send the same batches of 10,000 again"
_ELEMENT: Final = max(ELEMENTS.iterdir(), key=lambda file: file.stat().st_size).name
PAGES: Final = {
    "the page My consumption": "/consumption",
    "the element's file": f"/elements/{_ELEMENT}",
    "the page for operators": "/operator",
}
_NUMBER: Final = b"000000000000"
"""Stands in a batch for a number that makes its events new."""
_COSTLY_CHANGES: Final = """
subscription Changes($license: String!) {
  consumptionChanged(license: $license) {
    version status
    sections { key status readings {
      status used limit
      history(first: 100) { edges { node { at used limit status shares { key used } } } }
    } }
  }
}
"""


@dataclass(frozen=True)
class Wait:
    """The p99 of the waits for requests in milliseconds: on the clock, and as processor time of the server."""

    clock: float
    processor: float


Measure: TypeAlias = Callable[[], Wait]
Begun: TypeAlias = Callable[[], None]
"""Is called once the attack is under way."""
Send: TypeAlias = Callable[[Begun], Coroutine[Any, Any, None]]
"""Sends requests without end, in a process of its own."""


def run(scale: Scale) -> Iterator[Found]:
    """Requests of a key on a quiet server, and while another key asks for or sends as much as it can."""
    requests = scale.of(100, 300, 1000)
    for name, place in DATABASES.items():
        with place() as url:
            fill(url, LICENSES)
            with places.opened(url) as database, places.server(url) as server:
                reader, modest = (places.new_token(database, Scope.CONSUMPTION_READ) for _ in range(2))
                sender, single = (places.new_token(database, Scope.USAGE_WRITE) for _ in range(2))
                address, wait = server.address, partial(_percentile_99, server)
                reads: dict[str, Measure] = {"overviews": partial(wait, requests, partial(overviews, modest))}
                for what, path in PAGES.items():
                    reads[what] = partial(wait, requests, partial(repeat, _get(path)))
                writes: dict[str, Measure] = {
                    "single events": partial(wait, requests // 4, partial(single_events, single))
                }
                yield from _compare(name, reads, READS, partial(_together, address, past_days(reader)))
                yield from _compare(name, reads, FOLLOWS, partial(_subscriptions, address, url, reader))
                same, new = batches(sender), batches(sender, _NUMBER.decode())
                yield from _compare(name, writes, WRITES, partial(_together, address, new), AIM_OF_EVENTS)
                yield from _compare(name, writes, REPEATS, partial(_together, address, same), AIM_OF_EVENTS)


def _compare(
    database: str, measures: Mapping[str, Measure], attack: str, send: Send, aim: str = AIM
) -> Iterator[Found]:
    """Yield the p99 of each measure beside an attack against that on a quiet server."""
    for measure in measures.values():
        measure()
    quiet = {what: measure() for what, measure in measures.items()}
    with _attack(send):
        for what, measure in measures.items():
            before, crowded = quiet[what], measure()
            for how, mine, theirs in (
                ("p99", crowded.clock, before.clock),
                ("p99, processor time,", crowded.processor, before.processor),
            ):
                ours = f"{how} of {what} beside {attack}, {database}"
                yield Finding(ours, f"{how} of {what} on a quiet server", "ms", (mine, theirs), [mine / theirs], aim)
    yield Remark(f"Load of the machine after that: {os.getloadavg()[0]:.1f}")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def single_events(token: str) -> Iterator[bytes]:
    """Requests with one event each, without end."""
    start = datetime.now(UTC).isoformat()
    for number in count():
        yield http_post("/events", token, orjson.dumps([_event(f"single-{start}-{number}", 0)]))


def batches(token: str, mark: str = "same") -> Sequence[bytes]:
    """Requests with as many events as one may have. Sent again, they are duplicates."""
    return [
        http_post("/events", token, orjson.dumps([_event(f"{mark}-{client}-{n}", client) for n in range(10_000)]))
        for client in range(8)
    ]


def _event(id: str, license: int) -> dict[str, object]:
    data = {"quantity": 1, "dimensions": {"channel": "print"}}
    attributes = {"specversion": "1.0", "id": id, "source": "/bench", "type": "interaction.sent"}
    return {**attributes, "subject": license_key(license % LICENSES), "data": data}


def past_days(token: str) -> Sequence[bytes]:
    """Requests for 50 past days at once, of other days by each client."""
    now = datetime.now(UTC)
    bodies = []
    for client in range(CLIENTS):
        days = [(now - timedelta(days=1 + (client + number) % 60)).isoformat() for number in range(50)]
        license = license_key(client % LICENSES)
        fields = " ".join(
            f'a{number}: consumption(license: "{license}", at: "{day}") {{ status }}' for number, day in enumerate(days)
        )
        bodies.append(http_post("/graphql", token, orjson.dumps({"query": f"{{ {fields} }}"})))
    return bodies


def _percentile_99(server: places.Server, number: int, make: Callable[[], Iterator[bytes]]) -> Wait:
    """Return the waits within which 99 of 100 requests were answered, one after the other."""
    waited, worked = [], []
    parts = urlsplit(server.address)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port)) as connection:
        for request in islice(make(), number):
            head, _, body = request.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            began, used = monotonic(), _processor_seconds(server.pid)
            method, path, _ = first.split()
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"a request was refused with {answer.status}")
            waited.append(monotonic() - began)
            worked.append(_processor_seconds(server.pid) - used)
            sleep(0.005)
    return Wait(*(sorted(seconds)[int(len(seconds) * 0.99) - 1] * 1000 for seconds in (waited, worked)))


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a process, in nanoseconds' resolution; 0 on systems other than Linux."""
    return clock_gettime((~pid << 3) | 2) if os.uname().sysname == "Linux" else 0.0


@contextmanager
def _attack(send: Send) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    process = context.Process(target=_run, args=(send, begun), daemon=True)
    process.start()
    try:
        if not begun.wait(120):
            raise RuntimeError("the attack did not begin")
        sleep(1)
        yield
    finally:
        process.kill()
        process.join()


def _run(send: Send, begun: Event) -> None:
    asyncio.run(send(begun.set))


async def _subscriptions(address: str, url: str, token: str, begun: Begun) -> None:
    """Hold subscriptions of one key that send the history of all readings, and change their licenses all the time."""
    async with AsyncExitStack() as stack:
        sockets = []
        for number in range(SUBSCRIPTIONS):
            sockets.append(await stack.enter_async_context(open_socket(address)))
            await subscribe(sockets[-1], token, license_key(number % LICENSES), _COSTLY_CHANGES)
        begun()
        with places.opened(url) as database:
            await asyncio.gather(_change(database), *map(_hear, sockets))


async def _change(database: Database) -> None:
    while True:
        await asyncio.to_thread(change_all, database)
        await asyncio.sleep(CHANGES_SECONDS)


async def _hear(socket: ClientConnection) -> None:
    while True:
        await next_answer(socket)


async def _together(address: str, requests: Sequence[bytes], begun: Begun) -> None:
    begun()
    await asyncio.gather(*(_send_again_and_again(address, request) for request in requests))


async def _send_again_and_again(address: str, request: bytes) -> None:
    """Send a request over a connection as soon as the one before is answered, whatever the answer is."""
    parts = urlsplit(address)
    for number in count():
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            for each in count():
                writer.write(request.replace(_NUMBER, b"%06d%06d" % (number, each)))
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                if b"429" in head[:16]:
                    await asyncio.sleep(0.05)
