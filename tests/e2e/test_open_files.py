"""A server at the limit of open files serves whom it has, and says so once."""

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.api.http.raw import answer_to, connected, end_of, head, status_of
from tests.api.test_metrics import samples
from tests.e2e.processes import PATIENCE, Installation, eventually

FULL = "The limit of 160 open files is nearly reached"
AGAIN = "Connections are accepted again. "


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_at_the_limit_of_open_files_a_server_serves_whom_it_has(home: Path) -> None:
    installation = Installation(home, f"sqlite:///{home / 'test.db'}", {"head_seconds": 3600}, open_files=160)
    with installation.serving() as (process, url), installation.client(url) as client:
        with connected(url) as kept:
            with ExitStack() as stack:
                others = [stack.enter_context(connected(url)) for _ in range(300)]
                with connected(url) as another:
                    assert status_of(end_of(another)) == 503
                assert answer_to(kept, head()) == 200
                served = [other for other in others if _is_open(other)]
                assert 30 < len(served) < 120
                assert [answer_to(other, head()) for other in served] == [200] * len(served)
                log = process.log.read_text()
                assert (log.count(FULL), log.count(AGAIN)) == (1, 0)
                assert len(log.splitlines()) < 20
            assert eventually(lambda: _status(url)) == 200
            assert client.data("{ viewer { name } }") == {"viewer": {"name": "a test"}}
            refused = int(process.says(AGAIN).split()[0])
            # In a burst the system drops connections that the server never sees.
            assert 1 <= refused <= 301 - len(served)
            counted = samples(client, "allowance_connections_refused_total")
            assert {reason: number for (reason,), number in counted.items() if number} == {"descriptors": refused}
        process.stop()


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        connection.recv(4096)
        return False
    except BlockingIOError:
        connection.settimeout(PATIENCE)
        return True
    except ConnectionError:
        return False


def _status(url: str) -> int:
    try:
        status: int = httpx2.get(f"{url}/healthz", timeout=PATIENCE).status_code
    except httpx2.HTTPError:
        return 0
    return status if status == 200 else 0
