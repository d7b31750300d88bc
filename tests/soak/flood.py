"""Far more senders than a server can serve, none of which waits when it is told to come back later."""

import asyncio
import multiprocessing
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import orjson

from tests.api.server import cloudevent
from tests.soak.tally import ZONES

PATIENCE: Final = 60
"""Seconds for the last answers."""
_NUMBER: Final = "@@@@@@@@@@"
_SOURCE: Final = "####"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Flood:
    """So many connections, over each of which requests with so many events are sent without a pause."""

    connections: int
    events: int

    def body(self) -> bytes:
        """A batch with room for a number in each id, and for each source."""
        batch = [
            {**cloudevent("interaction.sent", license, f"{_NUMBER}-{one}", quantity=1), "source": _SOURCE}
            for one, license in zip(range(self.events), list(ZONES) * self.events, strict=False)
        ]
        return orjson.dumps(batch)


@dataclass
class Answers:
    """What came back, in requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    events: int = 0
    """Those that were acknowledged."""
    slowest: float = 0
    """Seconds that one waited for its answer, at the most."""
    wrong: list[str] = field(default_factory=list)

    def join(self, other: "Answers") -> None:
        self.statuses += other.statuses
        self.events += other.events
        self.slowest = max(self.slowest, other.slowest)
        self.wrong += other.wrong


def flood(name: str, kinds: Sequence[Flood], url: str, token: str, seconds: float) -> list[Answers]:
    """Flood a server for so long, each kind from a process of its own; what came back to each."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in kinds]
    processes = [
        context.Process(target=_flood, args=(f"/{name}-{number}", kind, url, token, seconds, theirs), daemon=True)
        for number, (kind, (_, theirs)) in enumerate(zip(kinds, pairs, strict=True))
    ]
    for process, (_, theirs) in zip(processes, pairs, strict=True):
        process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
    try:
        for ours, _ in pairs:
            assert ours.poll(seconds + 2 * PATIENCE), "the flood does not end"
        return [ours.recv() for ours, _ in pairs]
    finally:
        for process in processes:
            process.kill()
            process.join()


def _flood(name: str, kind: Flood, url: str, token: str, seconds: float, pipe: Connection) -> None:
    async def run() -> Answers:
        answers, body = Answers(), kind.body()
        until = monotonic() + seconds
        connections = (
            _send(kind, f"{name}-{one}", body, url, token, until, answers) for one in range(kind.connections)
        )
        await asyncio.gather(*connections)
        return answers

    pipe.send(asyncio.run(run()))


async def _send(
    kind: Flood, source: str, template: bytes, url: str, token: str, until: float, answers: Answers
) -> None:
    body = template.replace(_SOURCE.encode(), source.encode())
    target = urlsplit(url)
    head = (
        f"POST /events HTTP/1.1\r\nHost: flood\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/cloudevents-batch+json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    number = 0
    try:
        while monotonic() < until:
            reader, writer = await asyncio.open_connection(target.hostname, target.port)
            while monotonic() < until:
                begun = monotonic()
                writer.write(head + body.replace(_NUMBER.encode(), b"%010d" % number))
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
                length = _LENGTH.search(answer)
                content = await asyncio.wait_for(reader.readexactly(int(length[1]) if length else 0), PATIENCE)
                status = int(answer[9:12])
                answers.statuses[status] += 1
                answers.slowest = max(answers.slowest, monotonic() - begun)
                if status == 200:
                    number += 1
                    told = orjson.loads(content)
                    answers.events += told["accepted"]
                    if told != {"accepted": kind.events, "duplicates": 0, "rejected": []}:
                        answers.wrong.append(f"{content[:300]!r}")
                elif status not in (429, 503) or b"retry-after" not in answer.lower():
                    answers.wrong.append(f"{answer!r} {content[:300]!r}")
                if b"connection: close" in answer.lower():
                    break
            writer.close()
    except (OSError, EOFError, TimeoutError) as error:
        answers.wrong.append(f"{source}: {error!r}")
