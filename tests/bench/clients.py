"""HTTP clients in processes of their own, light enough to leave the machine to the server."""

import multiprocessing
import re
import selectors
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from statistics import quantiles
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

Requests = Callable[[], Iterable[bytes]]
"""Makes a client's requests, in its own process."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(slots=True)
class Answers:
    """What came back, and from when to when: the seconds that each took, and how many said anything but 200."""

    began: float
    ended: float
    waited: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Requests answered with 200 in a second."""
        return (len(self.waited) - self.refused.total()) / (self.ended - self.began)

    def percentile(self, percent: int) -> float:
        """The milliseconds within which so many percent were answered."""
        return quantiles(self.waited, n=100)[percent - 1] * 1000

    def require_all(self) -> None:
        """Raise RuntimeError where a request was refused: what is measured then is something else."""
        if self.refused:
            raise RuntimeError(f"requests were refused, by status: {dict(self.refused)}")


def http_post(path: str, token: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A whole request over a connection that is kept."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Clients:
    """Processes that send requests over kept connections, the next over each as soon as one is answered."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def send(self, addresses: Sequence[str], requests: Sequence[Requests], connections: int) -> Answers:
        """Have each process send what its part of `requests` makes, until there is no more.

        The processes share the `addresses` evenly, and each opens so many `connections`. All begin together,
        when their requests are made as far as they are a list.
        """
        for number, (pipe, make) in enumerate(zip(self._pipes, requests, strict=True)):
            pipe.send((addresses[number % len(addresses)], make, connections))
        for pipe in self._pipes:
            pipe.recv()
        for pipe in self._pipes:
            pipe.send(None)
        parts: list[Answers] = [pipe.recv() for pipe in self._pipes]
        whole = Answers(min(part.began for part in parts), max(part.ended for part in parts))
        for part in parts:
            whole.waited += part.waited
            whole.refused += part.refused
        return whole


@contextmanager
def clients(count: int) -> Iterator[Clients]:
    """So many client processes."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=_client, args=(theirs,), daemon=True) for _, theirs in pairs]
    for process in processes:
        process.start()
    try:
        yield Clients([ours for ours, _ in pairs])
    finally:
        for process in processes:
            process.kill()
            process.join()


def for_seconds(requests: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    """The requests that are asked for within so many seconds from the first."""
    until: float | None = None
    for request in requests:
        until = until or monotonic() + seconds
        if monotonic() >= until:
            return
        yield request


@dataclass(slots=True)
class _Line:
    """A connection and what has come over it of the answer that it waits for."""

    socket: socket.socket
    sent_at: float = 0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.sent_at = monotonic()
        self.socket.sendall(request)

    def status(self) -> int | None:
        """Take what came in; the status, once the answer is whole."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.received += part
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = _LENGTH.search(self.received, 0, end + 2)
        if length is None:
            raise ConnectionError("an answer without a length")
        return int(self.received[9:12]) if len(self.received) >= end + 4 + int(length[1]) else None


def _client(pipe: Connection) -> None:
    while True:
        address, make, connections = pipe.recv()
        target = urlsplit(address)
        requests = iter(make())
        lines = [_Line(socket.create_connection((target.hostname, target.port))) for _ in range(connections)]
        pipe.send(None)
        pipe.recv()
        answers = _exchange(lines, requests)
        for line in lines:
            line.socket.close()
        pipe.send(answers)


def _exchange(lines: Sequence[_Line], requests: Iterator[bytes]) -> Answers:
    answers = Answers(monotonic(), 0)
    open_lines = 0
    with selectors.DefaultSelector() as selector:
        for line, request in zip(lines, requests, strict=False):
            line.send(request)
            selector.register(line.socket, selectors.EVENT_READ, line)
            open_lines += 1
        while open_lines:
            for key, _ in selector.select():
                line = key.data
                status = line.status()
                if status is None:
                    continue
                answers.waited.append(monotonic() - line.sent_at)
                if status != 200:
                    answers.refused[status] += 1
                if (following := next(requests, None)) is None:
                    selector.unregister(line.socket)
                    open_lines -= 1
                else:
                    line.send(following)
    answers.ended = monotonic()
    return answers
