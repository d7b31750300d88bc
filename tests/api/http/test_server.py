"""The bounds of the web server on its connections."""

import logging
import socket
import sys
from time import monotonic

import pytest

from api.http import server
from tests.e2e.processes import PATIENCE


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such option")
def test_a_connection_whose_other_side_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STALLED", 500)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        server.give_up_on_stalled(listener)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        begun = monotonic()
        with accepted:
            accepted.settimeout(PATIENCE)
            with pytest.raises(TimeoutError, match="timed out"):
                accepted.sendall(bytes(2**26))
        assert monotonic() - begun < PATIENCE  # so it was the system that gave up, and not this test


def test_the_tokens_of_unsubscribe_links_are_not_logged() -> None:
    arguments = ("127.0.0.1:5", "POST", "/unsubscribe/jL1x-_secret?x=1", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert server._hide_tokens(record) is True
    assert record.getMessage() == '127.0.0.1:5 - "POST /unsubscribe/…?x=1 HTTP/1.1" 200'


@pytest.mark.parametrize(("text", "shown"), [('%s - "WebSocket %s" [accepted]', False), ("Exception in ASGI", True)])
def test_connections_are_logged_only_where_requests_are(text: str, shown: bool) -> None:
    record = logging.LogRecord("uvicorn.error", logging.INFO, "", 0, text, None, None)
    assert server._is_no_access(record) is shown
