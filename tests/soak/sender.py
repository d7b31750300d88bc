"""Platforms that send usage as fast as it is taken, again until it is acknowledged, and now and then once more."""

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as Flag
from random import Random
from time import monotonic, sleep
from typing import Any, TypeAlias

import httpx2
import orjson

from tests.api.server import Client, cloudevent
from tests.soak.tally import ZONES, Tally

Event: TypeAlias = dict[str, Any]
Outcome: TypeAlias = tuple[int, int, list[str]]
"""How many events were accepted, how many had been, and the codes of those refused."""

CHANNELS = ("print", "social", "marketing_email")
ENTITIES = ("be", "nl", "fr")
PATIENCE = 120
"""Seconds within which a batch must be acknowledged, whatever is killed meanwhile."""
_MILLIONTHS = 10**6


def send_batch(client: Client, events: Sequence[Event]) -> httpx2.Response:
    content = {"Content-Type": "application/cloudevents-batch+json"}
    return client.post("/events", content=orjson.dumps(events), headers=content)


def send_singly(client: Client, events: Sequence[Event]) -> httpx2.Response:
    """In binary mode."""
    (event,) = events
    headers = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
    return client.post("/events", json=event["data"], headers=headers)


def send_mutation(client: Client, events: Sequence[Event]) -> httpx2.Response:
    given = [
        {name: value for name, value in event.items() if name not in ("specversion", "subject", "data")}
        | {"license": event["subject"]}
        | event["data"]
        for event in events
    ]
    query = """mutation ($events: [UsageEventInput!]!) {
      recordUsage(events: $events) { accepted duplicates rejected { code } }
    }"""
    return client.post("/graphql", json={"query": query, "variables": {"events": given}})


@dataclass(frozen=True)
class Way:
    """How a sender sends, and how many events at once."""

    send: Callable[[Client, Sequence[Event]], httpx2.Response]
    size: int


WAYS = {
    "batches": Way(send_batch, 1000),
    "more-batches": Way(send_batch, 1000),
    "small-batches": Way(send_batch, 20),
    "single-events": Way(send_singly, 1),
    "mutations": Way(send_mutation, 10),
}


@dataclass
class Notes:
    """What a sender was told."""

    tally: Tally = field(default_factory=Tally)
    answers: Counter[str] = field(default_factory=Counter)
    """How often each status was answered, or no answer came."""
    wrong: list[str] = field(default_factory=list)
    """What should not have happened."""

    def join(self, other: "Notes") -> None:
        self.tally.join(other.tally)
        self.answers += other.answers
        self.wrong += other.wrong


class Sender:
    """Sends until it is told to stop, and then until the last of it is acknowledged."""

    def __init__(self, name: str, urls: Sequence[str], token: str) -> None:
        self._name = name
        self._way = WAYS[name]
        self._random = Random(name)  # noqa: S311 - nothing is to be kept secret
        self._clients = [Client(url, token) for url in urls]
        self._before: deque[list[Event]] = deque(maxlen=20)
        self._unknown: list[list[tuple[Event, int]]] = []
        """Of which no answer says what became of them."""
        self.notes = Notes()

    def run(self, stopped: Flag) -> None:
        number = 0
        while not stopped.is_set() and not self.notes.wrong:
            batch = [self._event(number + one) for one in range(self._random.randint(1, self._way.size))]
            number += len(batch)
            self._send_and_count(batch, patience=self._random.choice([0, PATIENCE]))
            if self._random.random() < 0.1 and self._before:
                self._send_something_again()
        while self._unknown and not self.notes.wrong:
            self._send_and_count(self._unknown.pop(), PATIENCE)

    def _send_and_count(self, batch: list[tuple[Event, int]], patience: float) -> None:
        """Send until it is acknowledged, or put it aside when patience is at its end, to be sent again at the end."""
        events = [event for event, _ in batch]
        if self._until_known(events, {(len(events), 0), (0, len(events))}, patience=patience):
            for event, amount in batch:
                self.notes.tally.add(event, amount)
            self._before.append(events)
        else:
            self._unknown.append(batch)

    def _send_something_again(self) -> None:
        """What was acknowledged counts no more, and what says something else under a known id is refused."""
        events = self._random.choice(self._before)
        self._until_known(events, {(0, len(events))})
        other = {**events[0], "data": {**events[0]["data"], "entity": "other"}}
        self._until_known([other], {(0, 0)}, ["ID_CONFLICT"])

    def _event(self, number: int) -> tuple[Event, int]:
        """An event, and its amount in billionths."""
        random = self._random
        time = (datetime.now(UTC) - timedelta(seconds=random.randint(0, 3 * 86_400))).isoformat()
        license = random.choice(list(ZONES))
        thousandths = random.randint(0, 99_999)
        amount: dict[str, Any] = {"quantity": thousandths / 1000}
        kind, chance = "interaction.sent", random.random()
        if chance < 0.1:
            kind, amount = "users.level", {"value": thousandths / 1000}
        elif chance < 0.3:
            kind, amount = "sms.sent", {**amount, "entity": random.choice(ENTITIES)}
        else:
            amount["dimensions"] = {"channel": random.choice(CHANNELS)}
        event = cloudevent(kind, license, f"{number:012d}", time=time, **amount)
        return {**event, "source": f"/{self._name}"}, thousandths * _MILLIONTHS

    def _until_known(
        self,
        events: Sequence[Event],
        expected: set[tuple[int, int]],
        refused: Sequence[str] = (),
        patience: float = PATIENCE,
    ) -> bool:
        """Send until it is acknowledged; False where it was not as expected, or nobody said so."""
        deadline = monotonic() + patience
        while True:
            outcome = self._send(events)
            if isinstance(outcome, tuple):
                accepted, duplicates, codes = outcome
                if (accepted, duplicates) in expected and codes == list(refused):
                    return True
                outcome = f"{outcome} of {len(events)}, and {expected} were expected"
            elif outcome is None and monotonic() > deadline and patience == PATIENCE:
                outcome = f"{len(events)} events were not acknowledged in {PATIENCE} seconds"
            if outcome is not None:
                self.notes.wrong.append(f"{self._name}: {outcome}")
            if outcome is not None or monotonic() > deadline:
                return False
            sleep(0.1)

    def _send(self, events: Sequence[Event]) -> Outcome | str | None:
        """What was answered; None where the events are to be sent again."""
        try:
            answer = self._way.send(self._random.choice(self._clients), events)
        except httpx2.TransportError:
            self.notes.answers["none"] += 1
            return None
        outcome = _outcome(answer)
        self.notes.answers[str(answer.status_code) if outcome else "away"] += 1
        return outcome


def _outcome(answer: httpx2.Response) -> Outcome | str | None:
    """What became of the events; None where they are to be sent again, a text where it should not be."""
    if answer.status_code in (429, 503):
        return None if "Retry-After" in answer.headers else f"{answer.status_code} without Retry-After"
    if answer.status_code != 200:
        return f"{answer.status_code} {answer.text[:300]}"
    body = orjson.loads(answer.content)
    if "errors" in body:
        codes = {error["extensions"]["code"] for error in body["errors"]}
        return None if codes <= {"UNAVAILABLE", "OVERLOADED"} else f"errors {codes}"
    told = body["data"]["recordUsage"] if "data" in body else body
    return told["accepted"], told["duplicates"], [one["code"] for one in told["rejected"]]


@contextmanager
def sending(names: Sequence[str], urls: Sequence[str], token: str) -> Iterator[Callable[[], Notes]]:
    """Senders in processes of their own, once all have started; what is yielded stops them and says what they were
    told."""
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    pairs = [context.Pipe() for _ in names]
    processes = [
        context.Process(target=_send, args=(name, urls, token, stopped, theirs), daemon=True)
        for name, (_, theirs) in zip(names, pairs, strict=True)
    ]

    def stop() -> Notes:
        stopped.set()
        notes = Notes()
        for ours, _ in pairs:
            assert ours.poll(2 * PATIENCE), "a sender does not stop"
            notes.join(ours.recv())
        return notes

    for process, (_, theirs) in zip(processes, pairs, strict=True):
        process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
    try:
        for ours, _ in pairs:
            assert ours.poll(PATIENCE), "a sender does not start"
            ours.recv()
        yield stop
    finally:
        for process in processes:
            process.kill()
            process.join()


def _send(name: str, urls: Sequence[str], token: str, stopped: Flag, pipe: Connection) -> None:
    sender = Sender(name, urls, token)
    pipe.send("started")
    sender.run(stopped)
    pipe.send(sender.notes)
