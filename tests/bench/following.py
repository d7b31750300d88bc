"""Many who follow licenses at one server, which another process changes all at once."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from statistics import median
from time import monotonic, sleep
from typing import Final

import orjson
from sqlmodel import col, update
from websockets.asyncio.client import ClientConnection, connect

from core.access.keys import Scope
from core.consumption.tables import Snapshot
from core.database.engine import Database
from tests.bench import places
from tests.bench.findings import Finding, Found, Remark, Scale, interleaved
from tests.bench.licenses import license_key
from tests.bench.read_overview import fill

PROMISED: Final = 2.0
"""Seconds after which a change is told at the latest."""
IDLE: Final = 5.0
"""Seconds for which nothing happens while the processor time of that is taken."""
DATABASES: Final = {"PostgreSQL": places.postgresql, "SQLite": places.sqlite}
_CHANGES: Final = """
subscription Changes($license: String!) {
  consumptionChanged(license: $license) { version status sections { key status updatedAt } }
}
"""


def run(scale: Scale) -> Iterator[Found]:
    """From a commit that changes all licenses to the last of those told who follow them, one license each."""
    rounds, count = scale.of((1, 200), (5, 1_000), (5, 5_000))
    for name, place in DATABASES.items():
        with ExitStack() as stack:
            url = stack.enter_context(place())
            fill(url, count)
            database = stack.enter_context(places.opened(url))
            token = places.new_token(database, Scope.CONSUMPTION_READ)
            server = stack.enter_context(places.server(url, connections_per_key=count, connections_per_address=count))
            at_rest = server.memory()
            followers = stack.enter_context(following(server, token, count))
            held = server.memory()
            before = server.processor_seconds()
            sleep(IDLE)
            idle = (server.processor_seconds() - before) / IDLE
            ours = f"until the last of {count:,} followers of as many licenses is told, {name}"
            seconds = interleaved(rounds, {ours: partial(followers.seconds, partial(change_all, database))})[ours]
        yield Finding(ours, "promised", "s", (median(seconds), PROMISED), [one / PROMISED for one in seconds], "≤ 1")
        if at_rest and held:
            yield Remark(f"{(held[0] - at_rest[0]) * 1e3 / count:.0f} kB of memory a follower, {name}.")
        yield Remark(f"{idle:.1%} of a processor while nothing changes, {name}.")


def change_all(database: Database) -> None:
    """What readers see of every license is another version."""
    with database.write() as session:
        session.execute(update(Snapshot).values(version=col(Snapshot.version) + 1))


class Followers:
    """WebSockets on an event loop of their own, each with one subscription."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sockets: list[ClientConnection]) -> None:
        self.loop = loop
        self._sockets = sockets

    def seconds(self, change: Callable[[], None]) -> float:
        """From the end of `change` until the last of them has heard of it."""
        heard = asyncio.run_coroutine_threadsafe(self._all_hear(), self.loop)
        change()
        began = monotonic()
        heard.result(120)
        return monotonic() - began

    async def _all_hear(self) -> None:
        await asyncio.gather(*map(next_answer, self._sockets))


@contextmanager
def following(server: places.Server, token: str, count: int) -> Iterator[Followers]:
    """So many followers, each of a license of its own, which have had their first answers."""
    ready: Future[Followers] = Future()
    over: Future[asyncio.Event] = Future()

    async def follow() -> None:
        async with AsyncExitStack() as stack:
            try:
                sockets = []
                for number in range(count):
                    socket = await stack.enter_async_context(open_socket(server.address))
                    await subscribe(socket, token, license_key(number), _CHANGES)
                    sockets.append(socket)
            except BaseException as error:
                ready.set_exception(error)
                raise
            end = asyncio.Event()
            over.set_result(end)
            ready.set_result(Followers(asyncio.get_running_loop(), sockets))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(follow(),))
    thread.start()
    try:
        followers = ready.result(300)
        yield followers
        followers.loop.call_soon_threadsafe(over.result().set)
    finally:
        thread.join()


def open_socket(address: str) -> connect:
    """Open a WebSocket at the server with that address, when the result is entered."""
    address = address.replace("http", "ws", 1)
    return connect(f"{address}/graphql", subprotocols=["graphql-transport-ws"], compression=None)  # type: ignore[list-item]


async def subscribe(socket: ClientConnection, token: str, license: str, query: str) -> None:
    """Subscribe to a license, and wait for the first answer."""
    await socket.send(
        orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}).decode()
    )
    await socket.recv()
    payload = {"query": query, "variables": {"license": license}}
    await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
    await next_answer(socket)


async def next_answer(socket: ClientConnection) -> None:
    """Wait for the next answer to a subscription. Raises RuntimeError if it has errors."""
    while (message := orjson.loads(await socket.recv()))["type"] != "next":
        if message["type"] != "ping":
            raise RuntimeError(f"not an answer: {message}")
    if "errors" in message["payload"]:
        raise RuntimeError(f"refused: {message['payload']['errors']}")
