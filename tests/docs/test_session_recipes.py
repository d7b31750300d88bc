"""The back end and the proxy of the page for front-end teams, as the page shows them."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from tests.api.graphql.subscriptions.conftest import live
from tests.api.graphql.subscriptions.sockets import FOLLOW, Socket, change, socket_to
from tests.api.server import Client, Served
from tests.e2e.processes import PATIENCE, eventually

__all__ = ["live"]
PAGE = (Path(__file__).parents[2] / "docs" / "front-ends.md").read_text()
COOKIE = {"Cookie": "theme=dark; sid=c0ffee"}
WHO = "{ viewer { can person { id name } license { key } } }"
ANN = {
    "can": ["READ", "REFRESH", "REQUEST_CREDITS"],
    "person": {"id": "u-17", "name": "Ann Smith"},
    "license": {"key": "acme"},
}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


@contextmanager
def running(served: Served, port: int, command: list[str], folder: Path) -> Iterator[str]:
    """A recipe that runs as a program of its own; its address."""
    origin = f"http://127.0.0.1:{port}"
    settings = {
        "ALLOWANCE": served.url,
        "ALLOWANCE_KEY": served.token("consumption:read"),
        "ORIGIN": origin,
        "PORT": str(port),
    }
    program = subprocess.Popen(command, cwd=folder, env={**os.environ, **settings})
    try:
        eventually(lambda: answers(port))
        yield origin
    finally:
        program.kill()
        program.wait()


def answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        number: int = free.getsockname()[1]
        return number


@on_sqlite
def test_the_back_end_gives_a_person_who_is_signed_in_one_session(live: Served, tmp_path: Path, port: int) -> None:
    (tmp_path / "back_end.py").write_text(block("python"))
    command = [sys.executable, "-m", "uvicorn", "back_end:app", "--port", str(port), "--log-level", "warning"]
    with running(live, port, command, tmp_path) as origin:
        refused = httpx2.get(f"{origin}/allowance-token")
        assert (refused.status_code, refused.text) == (401, "")
        given = [httpx2.get(f"{origin}/allowance-token", headers=COOKIE) for _ in range(2)]
        assert given[0].headers["Cache-Control"] == "no-store"
        assert given[0].text == given[1].text
        with socket_to(live, given[0].text) as follows, Client(live.url, given[0].text) as browser:
            follows.follow()
            assert browser.data(WHO)["viewer"] == ANN
            for _ in range(2):
                assert httpx2.post(f"{origin}/sign-out", headers=COOKIE).status_code == 204
            assert follows.closed() == (4403, "The session has ended.")


def ask(origin: str, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{origin}/graphql", json={"query": WHO}, headers=headers)


def greet(origin: str, **headers: str) -> Any:
    return connect(
        origin.replace("http", "ws") + "/graphql",
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        additional_headers=headers,
        proxy=None,
        open_timeout=PATIENCE,
    )


@on_sqlite
@pytest.mark.needs("node")
def test_the_proxy_puts_the_token_in_the_place_of_the_cookie(live: Served, tmp_path: Path, port: int) -> None:
    (tmp_path / "proxy.mjs").write_text(block("js"))
    with running(live, port, ["node", "proxy.mjs"], tmp_path) as origin:
        assert ask(origin, **COOKIE).json()["data"]["viewer"] == ANN
        assert ask(origin, Origin=origin, **COOKIE).json()["data"]["viewer"] == ANN
        for refused in (ask(origin), ask(origin, Origin="https://evil.example", **COOKIE)):
            assert refused.status_code == 401
            assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert httpx2.get(f"{origin}/metrics", headers=COOKIE).status_code == 401

        with greet(origin, Origin=origin, **COOKIE) as connection:
            followed = Socket(connection)
            followed.say(type="connection_init")
            assert followed.hear() == {"type": "connection_ack"}
            before = followed.follow()
            change(live)
            assert followed.version() == before + 1
        for headers in ({}, {"Origin": "https://evil.example", **COOKIE}):
            with pytest.raises(InvalidStatus) as denied, greet(origin, **headers):
                pass
            assert denied.value.response.status_code == 401

        stream = {"Accept": "text/event-stream", **COOKIE}
        with httpx2.stream("POST", f"{origin}/graphql", json={"query": FOLLOW}, headers=stream) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: next"
            data = json.loads(next(lines).removeprefix("data: "))
            assert data["data"]["consumptionChanged"]["version"] == before + 1


@pytest.mark.long
@on_sqlite
@pytest.mark.needs("node")
def test_the_proxy_lets_clients_connect_again_before_a_session_ends(live: Served, tmp_path: Path, port: int) -> None:
    soon = block("js").replace("minutes: 60", "minutes: 1").replace("- 60_000", "- 50_000")
    (tmp_path / "proxy.mjs").write_text(soon)
    with running(live, port, ["node", "proxy.mjs"], tmp_path) as origin:
        for _ in range(2):
            with greet(origin, Origin=origin, **COOKIE) as connection:
                Socket(connection).say(type="connection_init")
                assert json.loads(connection.recv(PATIENCE)) == {"type": "connection_ack"}
                with pytest.raises(ConnectionClosedError):
                    connection.recv(PATIENCE)
