"""The real application in a real server, and what a test asks it with."""

import asyncio
import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from dramatiq.brokers.stub import StubBroker

from api.app import create_app
from api.http.server import Server, give_up_on_stalled
from core.access.keys import Scope, create_key, find_caller_of_key, revoke_key
from core.access.person import Person
from core.administration.create_session import create_session
from core.administration.inputs import SessionInput
from core.runtime import Runtime, open_runtime
from core.settings import Settings
from core.workers.broker import Announcer
from core.workers.refresh_due import refresh_all_due
from core.workers.worker import Worker, open_announcer

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares every client from loading the machine's certificates, which takes longer than most tests."""
ALL_SCOPES = tuple(scope.value for scope in Scope)


TRACE = "0af7651916cd43dd8448eb211c80319c"
"""The trace that all requests of tests belong to, so that answers with errors can be compared."""


class Client(httpx2.Client):
    """An HTTP client of the server, with one token or none."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        super().__init__(base_url=url, headers=headers, timeout=30, verify=NO_TLS)

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole answer to an operation, which the server has to give with status 200."""
        answer = self.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def data(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of an operation that has to be without errors."""
        answer = self.graphql(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def error(self, query: str, **variables: object) -> tuple[str, str]:
        """Code and message of the only error of an operation."""
        (error,) = self.post("/graphql", json={"query": query, "variables": variables}).json()["errors"]
        return error["extensions"]["code"], error["message"]

    def post_events(self, *events: Mapping[str, object], **more: Any) -> httpx2.Response:
        """Send CloudEvents as a batch."""
        return self.post("/events", json=list(events), **more)


@dataclass(frozen=True)
class Served:
    """A running server, on a database of its own."""

    url: str
    runtime: Runtime
    loop: asyncio.AbstractEventLoop
    stop: Callable[[], None]
    """Tells it to stop, as a signal does."""

    def tasks(self) -> int:
        """Tasks on the server's event loop."""
        return len(asyncio.all_tasks(self.loop))

    def token(self, *scopes: str, license: str | None = None, revoked: bool = False) -> str:
        """A new key's token; for all licenses if none is named."""
        token, key = self.key(*scopes, license=license)
        if revoked:
            self.revoke(key)
        return token

    def key(self, *scopes: str, license: str | None = None) -> tuple[str, str]:
        """A new key: its token and its id."""
        with self.runtime.database.write() as session:
            key, token = create_key(session, "a test", scopes or ALL_SCOPES, license, datetime.now(UTC))
            return token, key.id

    def session(
        self, license: str = "acme", *, minutes: int = 60, person: Person | None = None, seconds: float | None = None
    ) -> tuple[str, str]:
        """A new session of a new key that reads the license: its token and the key's id.

        With `seconds` it ends so many seconds from now, by the database's clock.
        """
        _, key = self.key("consumption:read", license=license)
        given = SessionInput(license, (Scope.CONSUMPTION_READ,), minutes, person)
        with self.runtime.database.write() as session:
            row, token = create_session(session, given, find_caller_of_key(session, key), 10)
            if seconds is not None:
                row.expires_at = row.created_at + timedelta(seconds=seconds)
                session.add(row)
        return token, key

    def revoke(self, key: str) -> None:
        """End a key."""
        with self.runtime.database.write() as session:
            revoke_key(session, key)

    def client(self, *scopes: str, license: str | None = None) -> Client:
        """A client with a new key."""
        return Client(self.url, self.token(*scopes, license=license))

    def anonymous(self) -> Client:
        """A client without a token."""
        return Client(self.url, None)

    def refresh(self) -> None:
        """Do all the work that is due, as a worker does."""
        refresh_all_due(self.runtime)


@contextmanager
def serving(settings: Settings, *, worker: bool = False) -> Iterator[Served]:
    """Serve the application on a free port, if told so with a worker beside it."""
    with open_runtime(settings) as runtime:
        if worker:
            with Worker(runtime) as running, _listening(runtime, running.announcer) as served:
                yield served
        else:
            with _listening(runtime, open_announcer(runtime, StubBroker())) as served:
                yield served


@contextmanager
def _listening(runtime: Runtime, announcer: Announcer) -> Iterator[Served]:
    running: Future[asyncio.AbstractEventLoop] = Future()
    server = Server(create_app(runtime, announcer), started=lambda: running.set_result(asyncio.get_running_loop()))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def stop() -> None:
            server.should_exit = True

        give_up_on_stalled(listener)
        thread = threading.Thread(target=server.run, args=([listener],), name="server")
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield Served(url, runtime, running.result(timeout=60), stop)
        finally:
            stop()
            thread.join(timeout=20)


def cloudevent(type: str, license: str, id: str, **more: object) -> dict[str, object]:
    """A CloudEvent as JSON; `time` is an attribute of it, everything else is its data."""
    attributes = {"specversion": "1.0", "id": id, "source": "/test", "type": type, "subject": license}
    time = {"time": more.pop("time")} if "time" in more else {}
    return {**attributes, **time, "data": more}


def nodes(connection: Mapping[str, Any]) -> Sequence[Any]:
    """The nodes of a connection's page."""
    return [edge["node"] for edge in connection["edges"]]


NESTED = base64.urlsafe_b64encode(b"[" * 1000 + b"]" * 1000).decode()
"""A text that is made as ids and cursors are, of lists in each other."""


def opaque(*values: object) -> str:
    """A text as ids and cursors are made, with any values in it."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()
