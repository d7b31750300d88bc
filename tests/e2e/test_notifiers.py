"""The example notifier, installed as pip does it, and a real webhook that takes, fails, refuses and hangs."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from allowance.notifier import KINDS
from sqlmodel import col, select

from core.database.engine import Database
from core.delivery.outbox.tables import Delivery, Message
from tests.api.server import Client
from tests.e2e.operations import put_licenses
from tests.e2e.processes import PATIENCE, Installation, eventually

pytestmark = pytest.mark.long

EXAMPLE = Path(__file__).parents[2] / "plugins" / "examples" / "allowance-chat-notifier"


class Chat(ThreadingHTTPServer):
    """A chat tool. `answers` are the statuses of its next answers, 200 once they are over; 0 is none that ever ends."""

    daemon_threads = True
    answers: list[int]
    received: list[str]
    ended: threading.Event


class Webhook(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        status = self.server.answers.pop(0) if self.server.answers else 200
        if not status:
            # A byte now and then, so that no wait for the next one is too long.
            while not self.server.ended.wait(2):
                self.wfile.write(b"H")
            return
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    server = Chat(("127.0.0.1", 0), Webhook)
    server.answers, server.received, server.ended = [], [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def installation(chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("home")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(home / "chat"), str(EXAMPLE)]
    subprocess.run(pip, check=True, timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT_WEBHOOK_URL", f"http://127.0.0.1:{chat.server_port}/hooks/1")
        yield Installation(home, f"sqlite:///{home}/allowance.db", {"sweep_seconds": 0.3}, (home / "chat",))


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[Client]:
    with ExitStack() as stack:
        _, url = stack.enter_context(installation.serving(operators_email="ann@example.com"))
        client = stack.enter_context(installation.client(url))
        put_licenses(client, ["acme"])
        yield client


def ask(client: Client, note: str) -> None:
    """Ask for credits, of which the notifier and an operator are told."""
    query = """mutation ($note: String) {
      requestCredits(input: {license: "acme", amount: 5000, note: $note}) { errors { message } }
    }"""
    assert client.data(query, note=note)["requestCredits"]["errors"] == []


def delivery(installation: Installation, note: str, channel: str = "notifier") -> Delivery:
    with closing(Database(installation.database_url)) as database, database.read() as session:
        statement = (
            select(Delivery, Message)
            .join(Message, (col(Message.license_id) == Delivery.license_id) & (col(Message.id) == Delivery.message_id))
            .where(Delivery.channel == channel)
        )
        found = [one for one, message in session.exec(statement) if message.document["request"]["note"] == note]
    assert len(found) == 1
    return found[0]


def heard(chat: Chat, note: str) -> list[str]:
    return [text for text in chat.received if note in text]


def test_it_shows_among_the_plugins(installation: Installation, client: Client) -> None:
    data = client.data("{ plugins { name version loaded problem { message } notifiers { key title kinds } } }")
    shown: dict[str, object] = {"name": "chat_notifier", "version": "1.0.0", "loaded": True, "problem": None}
    shown["notifiers"] = [{"key": "chat", "title": "Chat", "kinds": list(KINDS)}]
    assert shown in data["plugins"]
    assert "allowance-chat-notifier" in installation.run("plugins").stdout


def test_a_message_is_posted_once(installation: Installation, client: Client, chat: Chat) -> None:
    ask(client, "at once")
    eventually(lambda: delivery(installation, "at once").status == "SENT")
    assert heard(chat, "at once") == [
        "*License acme*\n• Request for 5,000 of SMS credits: at once\n"
        "<http://127.0.0.1:8000/consumption?license=acme|My consumption>"
    ]


def test_what_fails_is_posted_again(installation: Installation, client: Client, chat: Chat) -> None:
    chat.answers[:] = [503]
    ask(client, "again")
    eventually(lambda: delivery(installation, "again").status == "SENT")
    assert len(heard(chat, "again")) == delivery(installation, "again").attempts == 2


def test_what_is_refused_is_parked_where_operators_see_it(
    installation: Installation, client: Client, chat: Chat
) -> None:
    chat.answers[:] = [404]
    ask(client, "refused")
    eventually(lambda: delivery(installation, "refused").status == "PARKED")
    assert len(heard(chat, "refused")) == 1
    assert "The notifier gave up: The chat tool refused it: 404 Not Found" in installation.run("outbox").stdout


def test_what_hangs_is_ended_and_posted_again_and_keeps_no_mail_waiting(
    installation: Installation, client: Client, chat: Chat
) -> None:
    chat.answers[:] = [0]
    ask(client, "hanging")
    eventually(lambda: heard(chat, "hanging"))
    eventually(lambda: delivery(installation, "hanging", "email").status == "SENT")
    assert delivery(installation, "hanging").status == "PENDING"
    eventually(lambda: delivery(installation, "hanging").detail is not None, within=2 * PATIENCE)
    assert delivery(installation, "hanging").detail == "The notifier took too long and was stopped."
    eventually(lambda: delivery(installation, "hanging").status == "SENT", within=2 * PATIENCE)
    assert len(heard(chat, "hanging")) == 2
