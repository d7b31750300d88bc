"""Platforms that send usage for as long as they are let, and never learn what became of some of it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from time import sleep
from typing import Any

import httpx2
import orjson

from tests.api.server import Client, cloudevent

Event = Mapping[str, Any]
Send = Callable[[Client, list[Event]], httpx2.Response]

CHANNELS = ("print", "social", "marketing_email")


def send_batch(client: Client, events: list[Event]) -> httpx2.Response:
    return client.post_events(*events)


def send_singly(client: Client, events: list[Event]) -> httpx2.Response:
    """In binary mode; the first event alone."""
    (event,) = events
    headers = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
    return client.post("/events", json=event["data"], headers=headers)


def send_mutation(client: Client, events: list[Event]) -> httpx2.Response:
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


@dataclass
class Sender:
    """Sends until it is stopped. What it got no answer for it sends again, or gives up."""

    name: str
    send: Send
    most: int
    """Events at once."""
    client: Callable[[], Client]
    """A client of the server that runs now."""
    acknowledged: dict[str, Event] = field(default_factory=dict)
    given_up: dict[str, Event] = field(default_factory=dict)
    sent_again: int = 0

    def run(self, license: str, stopped: threading.Event) -> None:
        random = Random(self.name)  # noqa: S311 - nothing is to be kept secret
        number = 0
        while not stopped.is_set():
            size = random.randint(1, self.most)
            events = [self._event(license, number + one, random) for one in range(size)]
            number += size
            self._send_until_known(events, random, stopped)

    def _event(self, license: str, number: int, random: Random) -> Event:
        time = (datetime.now(UTC) - timedelta(minutes=random.randint(0, 60))).isoformat()
        identifier = f"{self.name}-{number}"
        if random.random() < 0.2:
            return cloudevent("users.level", license, identifier, time=time, value=random.randint(0, 20))
        dimensions = {"channel": random.choice(CHANNELS)}
        quantity = random.randint(0, 9)
        return cloudevent("interaction.sent", license, identifier, time=time, quantity=quantity, dimensions=dimensions)

    def _send_until_known(self, events: list[Event], random: Random, stopped: threading.Event) -> None:
        by_id = {event["id"]: event for event in events}
        while True:
            try:
                answer = self.send(self.client(), events)
            except httpx2.TransportError:
                if stopped.is_set() or random.random() < 0.1:
                    self.given_up |= by_id
                    return
                self.sent_again += 1
                sleep(0.1)
                continue
            assert outcome(answer) in ((len(events), 0), (0, len(events)))  # a batch is one transaction
            self.acknowledged |= by_id
            return


def outcome(answer: httpx2.Response) -> tuple[int, int]:
    """How many events were accepted, and how many had been; none may have been refused."""
    assert answer.status_code == 200, answer.text
    body = orjson.loads(answer.content)
    told = body["data"]["recordUsage"] if "data" in body else body
    assert told["rejected"] == []
    return told["accepted"], told["duplicates"]
