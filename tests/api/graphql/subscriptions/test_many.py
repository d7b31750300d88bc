"""Many followers, slow ones, and those that leave without a word."""

import socket as sockets
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from api.concurrency.deadline import Deadline
from api.graphql.operations import executions
from api.graphql.operations.execute import OperationCall
from api.graphql.operations.run import OperationResult, Operations
from api.graphql.subscriptions import web_socket
from core.access.keys import Caller
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import FOLLOW, Socket, change, socket_to
from tests.api.graphql.subscriptions.test_event_stream import stream, version
from tests.api.server import Served, serving
from tests.e2e.processes import PATIENCE, eventually

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SECTIONS = "sections { key title readings { id meter { key title description unit } used limit limitBasis } }"
LARGE = f"subscription {{ consumptionChanged {{ version {' '.join(f'a{n}: {SECTIONS}' for n in range(45))} }} }}"


@contextmanager
def narrow(served: Served, token: str) -> Iterator[Socket]:
    """A connection whose client takes little of what it does not ask for."""
    where = urlsplit(served.url)
    own = sockets.socket()
    own.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    own.connect((where.hostname, where.port))
    with socket_to(served, token, sock=own, max_queue=1, max_size=None, ping_interval=None, close_timeout=1) as socket:
        yield socket


def test_200_followers_get_a_change_each(live: Served) -> None:
    token = live.token(license="acme")
    with ExitStack() as stack:
        followers = [stack.enter_context(socket_to(live, token)) for _ in range(200)]
        versions = [follower.follow() for follower in followers]
        assert len(set(versions)) == 1
        change(live)
        assert [follower.version() for follower in followers] == [versions[0] + 1] * 200
    eventually(lambda: live.tasks() <= 1)


@pytest.mark.long
def test_a_slow_reader_misses_what_is_old_and_slows_nobody(live: Served) -> None:
    token = live.token(license="acme")
    with narrow(live, token) as slow, socket_to(live, token) as fast:
        before = fast.follow()
        slow.ask("1", LARGE)
        for number in range(1, 61):
            change(live)
            assert fast.version() == before + number
        told = [slow.version()]
        while told[-1] < before + 60:
            told.append(slow.version())
        assert told == sorted(set(told))
        assert len(told) < 60


def test_a_connection_that_takes_nothing_is_dropped(live: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "DRAIN", 0.5)
    token = live.token(license="acme")
    with narrow(live, token) as slow, socket_to(live, token) as fast:
        before = fast.follow()
        alone = live.tasks()
        slow.ask("1", LARGE)
        eventually(lambda: live.tasks() == alone + 1)
        changes = 0
        while live.tasks() >= alone:
            changes += 1
            change(live)
            assert fast.version() == before + changes
            assert changes < 1000
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(slow.connection.recv, None))
        assert closed.value.rcvd is None


def test_followers_that_leave_leave_nothing_behind(live: Served) -> None:
    token = live.token(license="acme")
    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(5):
                leaver = stack.enter_context(socket_to(live, token, close_timeout=1))
                for id in ("a", "b", "c"):
                    leaver.follow(id)
                # It is reset, as by a cable that is pulled and put back.
                leaver.connection.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
                leaver.connection.socket.close()
            for _ in range(5):
                client = stack.enter_context(live.client(license="acme"))
                _, events = stack.enter_context(stream(client, FOLLOW))
                version(next(events))
        change(live)
    eventually(lambda: live.tasks() <= 1)


@pytest.mark.long
def test_who_leaves_while_something_is_executed_leaves_nothing_behind(
    live: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()
    run, before = Operations.run, set(threading.enumerate())

    def noted(*asked: Any) -> OperationResult:
        began.set()
        return run(*asked)

    monkeypatch.setattr(Operations, "run", noted)
    with ExitStack() as stack:
        for _ in range(5):
            began.clear()
            leaver = stack.enter_context(socket_to(live, live.token(license="acme")))
            for number in range(20):
                # A directive has it executed step by step.
                leaver.ask(str(number), LARGE.replace("version", f"n{number}: version @include(if: true)"))
            assert began.wait(PATIENCE)
            for number in range(20):
                leaver.say(id=str(number), type="complete")
    with pytest.raises(httpx2.ReadTimeout), live.client(license="acme") as client:
        client.post("/graphql", json={"query": LARGE}, headers={"Accept": "text/event-stream"}, timeout=0.5)
    eventually(lambda: live.tasks() <= 1)
    names = [thread.name.partition("_")[0] for thread in set(threading.enumerate()) - before]
    assert names.count("subscriptions") <= executions.SUBSCRIPTION_THREADS
    assert names.count("costly") <= executions.COSTLY_THREADS
    assert names.count("operations") <= executions.THREADS


def test_what_clients_complete_while_it_is_executed_holds_few_threads_and_what_did_not_begin_is_not_begun(
    live: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str | None] = []
    go_on = threading.Event()
    run, at_once = Operations.run, live.runtime.settings.graphql_at_once_per_key

    def slow(
        operations: Operations, asked: OperationCall, caller: Caller, trace: str, deadline: Deadline
    ) -> OperationResult:
        began.append(asked.name)
        assert go_on.wait(PATIENCE)
        return run(operations, asked, caller, trace, deadline)

    with socket_to(live, live.token()) as socket:
        socket.ask("0", "{ viewer { name } }")
        assert [socket.hear()["type"] for _ in range(2)] == ["next", "complete"]
        monkeypatch.setattr(Operations, "run", slow)
        before = set(threading.enumerate())
        for number in range(60):
            socket.ask("1", f"query Q{number} {{ viewer {{ name }} }}")
            if number < at_once:
                eventually(lambda number=number: len(began) > number)
            socket.say(id="1", type="complete")
        socket.say(type="ping")
        assert socket.hear() == {"type": "pong"}
        assert len(set(threading.enumerate()) - before) <= at_once + 1
        socket.ask("last", "query Last { viewer { name } }")
        go_on.set()
        assert socket.hear()["payload"]["data"] == {"viewer": {"name": "a test"}}
    assert began == [*(f"Q{number}" for number in range(at_once)), "Last"]


def test_messages_of_a_key_beyond_its_rate_wait_and_those_of_other_keys_do_not(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings are messages as well. They were answered as fast as a client sent them: large ones stopped a server."""
    monkeypatch.setattr(web_socket, "MESSAGES", 10)
    url, token = served.runtime.settings.database_url, served.token("consumption:read")
    with (
        serving(Settings(database_url=url)) as other,
        socket_to(other, token) as busy,
        socket_to(other, token) as busy_too,
        socket_to(other, served.token("consumption:read")) as modest,
    ):
        began = monotonic()
        for socket in (busy, busy_too):
            for _ in range(10):
                socket.say(type="ping")
        busy.say(type="ping", payload={"large": "x" * 20_000})  # counts as ten
        modest.say(type="ping")
        assert modest.hear() == {"type": "pong"}
        for _ in range(10):
            assert busy.hear() == busy_too.hear() == {"type": "pong"}
        assert busy.hear()["type"] == "pong"
        assert monotonic() - began >= 1.5
