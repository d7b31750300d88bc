"""The wait of one key's requests while another key asks for as much as it can."""

import asyncio
import http.client
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlsplit

import orjson

from core.access.keys import Scope
from tests.bench import places
from tests.bench.clients import http_post
from tests.bench.findings import Finding, Found, Scale
from tests.bench.licenses import license_key
from tests.bench.read_overview import DATABASES, LICENSES, fill, overviews

CLIENTS: Final = 40
AIM: Final = "less than 5"
READS: Final = f"p99 of overviews beside {CLIENTS} clients of another key that ask for 50 past days, {{database}}"
WRITES: Final = "p99 of single events beside 8 clients of another key that send batches of 10,000, {database}"


def run(scale: Scale) -> Iterator[Found]:
    """Requests of a key on a quiet server, and while another key asks for or sends as much as it can."""
    requests = scale.of(100, 300, 1000)
    for name, place in DATABASES.items():
        with place() as url:
            fill(url, LICENSES)
            with places.opened(url) as database, places.server(url) as server:
                reader, modest = (places.new_token(database, Scope.CONSUMPTION_READ) for _ in range(2))
                sender, single = (places.new_token(database, Scope.USAGE_WRITE) for _ in range(2))
                overview = partial(_percentile_99, server.address, requests, partial(overviews, modest))
                event = partial(_percentile_99, server.address, requests // 4, partial(single_events, single))
                yield _compare(server, overview, past_days(reader), "overviews", READS.format(database=name))
                yield _compare(server, event, batches(sender), "single events", WRITES.format(database=name))


def _compare(
    server: places.Server, measure: Callable[[], float], attack: Sequence[bytes], what: str, title: str
) -> Finding:
    measure()
    quiet = measure()
    with _attack(server.address, attack):
        sleep(1)
        crowded = measure()
    return Finding(title, f"p99 of {what} on a quiet server", "ms", (crowded, quiet), [crowded / quiet], AIM)


def single_events(token: str) -> Iterator[bytes]:
    """Requests with one event each, without end."""
    start = datetime.now(UTC).isoformat()
    for number in count():
        yield http_post("/events", token, orjson.dumps([_event(f"single-{start}-{number}", 0)]))


def batches(token: str) -> Sequence[bytes]:
    """Requests with as many events as one may have. Sent again, they are duplicates, which cost about as much."""
    return [
        http_post("/events", token, orjson.dumps([_event(f"{client}-{n}", client) for n in range(10_000)]))
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


def _percentile_99(address: str, number: int, make: Callable[[], Iterator[bytes]]) -> float:
    """Return the milliseconds within which 99 of 100 requests were answered, one after the other."""
    waited = []
    parts = urlsplit(address)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port)) as connection:
        for request in islice(make(), number):
            head, _, body = request.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            began = monotonic()
            connection.request("POST", first.split()[1], body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"a request was refused with {answer.status}")
            waited.append(monotonic() - began)
            sleep(0.005)
    return sorted(waited)[int(len(waited) * 0.99) - 1] * 1000


@contextmanager
def _attack(address: str, requests: Sequence[bytes]) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_send_all, args=(address, requests), daemon=True)
    process.start()
    sleep(1)
    try:
        yield
    finally:
        process.kill()
        process.join()


def _send_all(address: str, requests: Sequence[bytes]) -> None:
    asyncio.run(_together(address, requests))


async def _together(address: str, requests: Sequence[bytes]) -> None:
    await asyncio.gather(*(_send_again_and_again(address, request) for request in requests))


async def _send_again_and_again(address: str, request: bytes) -> None:
    """Send a request over a connection as soon as the one before is answered, whatever the answer is."""
    parts = urlsplit(address)
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            while True:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                if b"429" in head[:16]:
                    await asyncio.sleep(0.05)
