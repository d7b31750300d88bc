"""Requests with usage events, as platforms send them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

import orjson

from core.plugins.registry import Registry
from tests.bench.clients import http_post
from tests.bench.licenses import license_key
from tests.bench.series import series_of

BATCH: Final = 1_000
LICENSES: Final = 100
"""Among which the events are spread."""
CHANNELS: Final = ("marketing_email", "transactional_email", "print", "social", "call_center")


def batches(token: str, sender: int, count: int) -> list[bytes]:
    """Requests with so many batches of events, of a sender by its number."""
    messages = _messages(sender)
    content_type = "application/cloudevents-batch+json"
    bodies = (orjson.dumps([next(messages) for _ in range(BATCH)]) for _ in range(count))
    return [http_post("/events", token, body, content_type) for body in bodies]


def singles(token: str, sender: int) -> Iterator[bytes]:
    """Requests with one event each, without end."""
    for message in _messages(sender):
        yield http_post("/events", token, orjson.dumps(message), "application/cloudevents+json")


def first_id() -> str:
    """An id that sorts before all ids that are made after it."""
    return f"{time.time_ns() // 1000:016x}"


def _messages(sender: int) -> Iterator[dict[str, object]]:
    random = Random(sender)  # noqa: S311
    number = 0
    while True:
        number += 1
        yield {
            "specversion": "1.0",
            "id": f"{first_id()}-{sender:02x}-{number:06x}",
            "source": f"/mailer/{sender}",
            "type": "interaction.sent",
            "subject": license_key(random.randrange(LICENSES)),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "data": {"quantity": random.randrange(1, 500), "dimensions": {"channel": random.choice(CHANNELS)}},
        }


def everything(registry: Registry, license: str, time: datetime, amount: int) -> Iterator[dict[str, object]]:
    """An event of every series of a license, as the engine takes it."""
    for series in series_of(registry):
        yield {
            "id": f"{series.event}-{series.entity}-{series.dimensions}-{time.isoformat()}",
            "source": "/bench",
            "type": series.event,
            "license": license,
            "time": time,
            "value" if series.level else "quantity": amount,
            "entity": series.entity or None,
            "dimensions": orjson.loads(series.dimensions) if series.dimensions else None,
        }
