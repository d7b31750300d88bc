"""An overload: ten times what one server can take, while others read."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep

from core.database.engine import Database
from tests.api.server import Client
from tests.e2e.operations import put_licenses
from tests.soak.flood import Answers, Flood, flood
from tests.soak.places import Place
from tests.soak.tally import ZONES, recorded

KINDS = (Flood(connections=100, events=10_000), Flood(connections=100, events=1000), Flood(connections=300, events=1))
QUERY = "query ($key: String) { consumption(license: $key) { status sections { readings { used status } } } }"


@dataclass
class Reads:
    """What a reader was told meanwhile."""

    waited: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Overload:
    """What an overload came to. Memory is in MB, over time."""

    seconds: float
    alone: float
    """Events that the server takes in a second from four senders."""
    kinds: Sequence[Flood]
    answers: list[Answers]
    reads: Reads
    memory: list[float]
    recount: str
    wrong: list[str]

    @property
    def offered(self) -> float:
        """Events that were sent in a second."""
        sent = zip(self.kinds, self.answers, strict=True)
        return sum(kind.events * answers.statuses.total() for kind, answers in sent) / self.seconds

    def __str__(self) -> str:
        waited = sorted(self.reads.waited)
        accepted = sum(answers.events for answers in self.answers)
        parts = len(self.memory) // 5
        return "\n".join(
            [
                f"from four senders it takes {self.alone:,.0f} events/s; {self.offered:,.0f}/s were sent for "
                f"{self.seconds:.0f} s, {self.offered / self.alone:.1f} times as much",
                f"acknowledged: {accepted:,} ({accepted / self.seconds:,.0f}/s)",
                *(
                    f"{kind.connections} connections, {kind.events} events a request: {dict(answers.statuses)}, "
                    f"the slowest answer after {answers.slowest:.1f} s"
                    for kind, answers in zip(self.kinds, self.answers, strict=True)
                ),
                f"reads: {len(waited)}, half of them within {waited[len(waited) // 2] * 1000:.0f} ms, the slowest in "
                f"{waited[-1]:.1f} s",
                f"memory: {self.memory[0]:.0f} MB at rest, {max(self.memory):.0f} at the most; by fifths of the time "
                + ", ".join(f"{max(self.memory[n * parts : n * parts + parts]):.0f}" for n in range(5)),
                f"recount: {self.recount.strip()}",
                *self.wrong[:20],
            ]
        )


def overload(place: Place, seconds: float, kinds: Sequence[Flood] = KINDS) -> Overload:
    """Flood the only server of the place for so long, and compare."""
    place.start()
    (url,) = place.urls
    with place.installation.client(url) as client:
        token = client.headers["Authorization"].removeprefix("Bearer ")
        put_licenses(client, list(ZONES))
        (usual,) = flood("usual", [Flood(connections=4, events=1000)], url, token, seconds / 5)
        alone = usual.events / (seconds / 5)
        memory = [place.memory()]
        with _reading(client) as reads, _noting(place, memory):
            answers = flood("flood", kinds, url, token, seconds)
        sleep(1)
        memory.append(place.memory())
        wrong = [problem for each in (usual, *answers) for problem in each.wrong] + reads.wrong
        recount = place.installation.run("recount", within=600)
        if recount.returncode:
            wrong.append(f"recount: {recount.stdout} {recount.stderr}")
        acknowledged = usual.events + sum(each.events for each in answers)
        with closing(Database(place.installation.database_url)) as database, database.engine.connect() as connection:
            found = recorded(connection)
        counted = sum(events for _, events in found.sums.values())
        ledger = sum(found.events.values())
        if (ledger, counted) != (acknowledged, acknowledged):
            wrong.append(f"{acknowledged} were acknowledged, {ledger} are in the ledger, {counted} are counted")
    return Overload(seconds, alone, kinds, answers, reads, memory, recount.stdout, wrong)


@contextmanager
def _reading(client: Client) -> Iterator[Reads]:
    reads, stopped = Reads(), threading.Event()

    def read() -> None:
        while not stopped.wait(0.1):
            begun = monotonic()
            try:
                answer = client.post("/graphql", json={"query": QUERY, "variables": {"key": "acme"}})
            except Exception as error:
                reads.wrong.append(f"reading: {error!r}")
                continue
            reads.waited.append(monotonic() - begun)
            if answer.status_code != 200 or "errors" in answer.json():
                reads.wrong.append(f"reading: {answer.status_code} {answer.text[:200]}")

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield reads
    finally:
        stopped.set()
        thread.join()


@contextmanager
def _noting(place: Place, memory: list[float]) -> Iterator[None]:
    stopped = threading.Event()

    def note() -> None:
        while not stopped.wait(0.2):
            memory.append(place.memory())

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
