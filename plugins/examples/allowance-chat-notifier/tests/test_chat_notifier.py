import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError

import pytest
from allowance import GiveUp
from allowance.testing import check_plugin, message

import allowance_chat_notifier
from allowance_chat_notifier import CHAT


class Chat(HTTPServer):
    """A chat tool's webhook, and what it got."""

    status = 200
    received: list[dict[str, str]]


class Webhook(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "/login")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    server = Chat(("127.0.0.1", 0), Webhook)
    server.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CHAT_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/hooks/1")
    yield server
    server.shutdown()
    server.server_close()


def test_the_plugin_loads() -> None:
    assert check_plugin(allowance_chat_notifier).notifiers == (CHAT,)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("threshold.crossed", "🔴 Interactions: 1,020 of 1,000 interactions used, 102.0 %; reached 100 %"),
        ("threshold.recovered", "🟢 Interactions: recovered from 100 % of 1,000 interactions"),
        ("threshold.reopened", "🔴 Interactions: over 100 % of 1,000 interactions again"),
        (
            "forecast.crossed",
            (
                "🟡 Interactions: at this pace the limit of 1,000 interactions is exceeded on 12 December 2026, between "
                "05 December 2026 and 24 December 2026"
            ),
        ),
        ("forecast.recovered", "🟢 Interactions: at this pace 100 % of 1,000 interactions is not reached any more"),
        ("credits.expiring", "1,200 of 5,000 of SMS credits expire on 22 June 2026"),
        ("credits.declined", "Request for 5,000 of SMS credits was declined: The credits of this year are used up"),
        ("credits.requested", "Request for 5,000 of SMS credits: For the spring campaign"),
    ],
)
def test_each_kind_is_posted_as_a_text(chat: Chat, kind: str, told: str) -> None:
    CHAT.notify(message(kind))
    link = "<https://app.example.com/consumption/acme|My consumption>"
    assert chat.received == [{"text": f"*Acme Corporation*\n• {told}\n{link}"}]


def test_a_name_cannot_mention_anybody(chat: Chat) -> None:
    CHAT.notify(message(license_name="<!channel> & Co"))
    assert chat.received[0]["text"].startswith("*&lt;!channel&gt; &amp; Co*")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_temporary_error_is_raised_for_another_attempt(chat: Chat, status: int) -> None:
    chat.status = status
    with pytest.raises(HTTPError):
        CHAT.notify(message())


def test_a_redirect_is_an_error(chat: Chat) -> None:
    chat.status = 302
    with pytest.raises(HTTPError):
        CHAT.notify(message())


def test_a_permanent_refusal_gives_up(chat: Chat) -> None:
    chat.status = 404
    with pytest.raises(GiveUp, match="404 Not Found"):
        CHAT.notify(message())


def test_a_missing_address_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_WEBHOOK_URL", raising=False)
    with pytest.raises(GiveUp, match="CHAT_WEBHOOK_URL is not the address"):
        CHAT.notify(message())
