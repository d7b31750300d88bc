"""Where deliveries arrive: a real mail server and a real HTTP endpoint, which note each and answer well or badly."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.delivery.channels import EMAIL, WEBHOOK


class Answer(StrEnum):
    """What a recipient does with a delivery. LIE: the endpoint takes it, and breaks off an answer
    that announced more; the mail server just takes it."""

    TAKE = "take"
    LIE = "lie"
    FAIL = "fail"
    REDIRECT = "redirect"
    CLOSE = "close"
    HANG = "hang"


TAKING: Final = (Answer.TAKE, Answer.LIE)
_ANSWERS: Final = {
    Answer.TAKE: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
    Answer.LIE: b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nOK",
    Answer.FAIL: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nSorry",
    Answer.REDIRECT: b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
}


@dataclass
class Recipients:
    """Both servers. A delivery is known by its id, which is in the Message-ID of a mail and the webhook-id of a
    request."""

    answer: Callable[[str], Answer] = lambda channel: Answer.TAKE
    """What to do with the next one on that channel."""
    arrived: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each came in whole, by channel and id."""
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each was answered with success, whether or not anybody was left to read that."""
    answers: Counter[Answer] = field(default_factory=Counter)
    smtp_url: str = ""
    hooks_url: str = ""
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrive(self, channel: str, delivery: str) -> Answer:
        with self._lock:
            answer = self.answer(channel)
            self.answers[answer] += 1
            self.arrived[channel, delivery] += 1
            if answer in TAKING:
                self.taken[channel, delivery] += 1
        return answer

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        [line] = [one for one in envelope.content.splitlines() if one.lower().startswith(b"message-id:")]
        match self.arrive(EMAIL, line.decode().partition("<")[2].partition("@")[0]):
            case Answer.TAKE | Answer.LIE:
                return "250 taken"
            case Answer.CLOSE:
                server.transport.abort()  # type: ignore[union-attr]
                return "421 gone"
            case Answer.HANG:
                await server.loop.run_in_executor(None, self.over.wait)
        return "451 come back later"


@contextmanager
def recipients() -> Iterator[Recipients]:
    """Servers on free ports until the block ends."""
    found = Recipients()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = found.arrive(WEBHOOK, self.headers["webhook-id"])
            if answer is Answer.HANG:
                found.over.wait()
            self.wfile.write(_ANSWERS.get(answer, b""))
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who asked was killed

    server = Server(("127.0.0.1", 0), Handler)
    mail = Controller(found, "127.0.0.1", _free_port())
    threading.Thread(target=BaseServer.serve_forever, args=(server, 0.1), daemon=True).start()
    mail.start()
    found.smtp_url, found.hooks_url = f"smtp://127.0.0.1:{mail.port}", f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        server.server_close()
        with suppress(OSError):
            mail.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
