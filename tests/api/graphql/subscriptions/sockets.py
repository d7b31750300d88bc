"""A client of graphql-transport-ws that says what a test has it say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from core.consumption.snapshots import mark_changed
from tests.api.server import Served
from tests.e2e.processes import PATIENCE

FOLLOW = 'subscription { consumptionChanged(license: "acme") { version status } }'


@dataclass(frozen=True)
class Socket:
    """An open connection."""

    connection: ClientConnection

    def say(self, **message: object) -> None:
        self.connection.send(json.dumps(message))

    def hear(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(self.connection.recv(PATIENCE))
        return message

    def greet(self, token: str) -> None:
        self.say(type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert self.hear() == {"type": "connection_ack"}

    def ask(self, id: str, query: str, **variables: object) -> None:
        self.say(id=id, type="subscribe", payload={"query": query, "variables": variables})

    def follow(self, id: str = "1") -> int:
        """Subscribe to acme; the version that it has now."""
        self.ask(id, FOLLOW)
        return self.version(id)

    def version(self, id: str = "1") -> int:
        """The version in the next message, which has to be an answer to the subscription."""
        message = self.hear()
        assert (message["type"], message["id"]) == ("next", id), message
        version: int = message["payload"]["data"]["consumptionChanged"]["version"]
        return version

    def closed(self) -> tuple[int, str]:
        """Code and reason with which the server closes, after whatever else it says."""
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(partial(self.connection.recv, PATIENCE), None))
        assert closed.value.rcvd, "the connection was lost"
        return closed.value.rcvd.code, closed.value.rcvd.reason


@contextmanager
def socket_to(served: Served, token: str | None = None, **more: Any) -> Iterator[Socket]:
    """A connection; with a token the greeting is done."""
    url = served.url.replace("http", "ws", 1) + "/graphql"
    settings: dict[str, Any] = {"subprotocols": ["graphql-transport-ws"], "proxy": None, "open_timeout": PATIENCE}
    with connect(url, **{**settings, **more}) as connection:
        socket = Socket(connection)
        if token:
            socket.greet(token)
        yield socket


def change(served: Served) -> None:
    """Let the version of acme grow, as whatever is put does."""
    with served.runtime.database.write() as session:
        license_id = session.execute(text("SELECT id FROM license WHERE key = 'acme'")).scalar_one()
        mark_changed(session, license_id)
