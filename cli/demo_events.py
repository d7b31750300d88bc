"""A year of invented usage for the licenses of the demonstration; equal for every run on the same day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final

DAYS: Final = 365

Event = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """The usage of a license.

    Attributes:
        license: The license's key.
        entities: The share of each entity in the usage.
        interactions: Interactions since the billing period began; usage before is similar.
        sms: SMS since the billing period began.
        goals: Goals since the billing period began.
        profiles: The number of profiles at the beginning and at the end of the year.
        levels: The values of other levels at the beginning and at the end of the year.
    """

    license: str
    entities: Mapping[str, float]
    interactions: int
    sms: int
    goals: int
    profiles: tuple[int, int]
    levels: Mapping[str, tuple[int, int]]


STORIES: Final = (
    Story(
        "acme",
        {"be": 0.5, "nl": 0.3, "fr": 0.2},
        interactions=540_000,
        sms=38_000,
        goals=130_000,
        profiles=(52_000, 61_500),
        levels={
            "profile_tables": (4, 5),
            "custom_tables": (11, 16),
            "subscriptions": (24, 31),
            "website_goals": (6, 9),
            "transactional_goals": (5, 8),
            "forms": (14, 22),
            "scenarios": (9, 14),
            "segmentation_rules": (80, 118),
            "daily_exports": (6, 9),
            "newsletters": (5, 6),
            "users": (26, 33),
            "api_users": (3, 4),
            "sending_domains": (3, 4),
            "entities": (3, 3),
        },
    ),
    Story(
        "globex",
        {"mumbai": 0.6, "delhi": 0.4},
        interactions=1_705_000,
        sms=31_000,
        goals=260_000,
        profiles=(112_000, 168_400),
        levels={
            "profile_tables": (3, 5),
            "custom_tables": (9, 15),
            "subscriptions": (18, 33),
            "website_goals": (8, 12),
            "transactional_goals": (3, 7),
            "forms": (10, 19),
            "scenarios": (8, 15),
            "segmentation_rules": (50, 94),
            "daily_exports": (4, 7),
            "newsletters": (3, 6),
            "users": (14, 24),
            "api_users": (2, 3),
            "sending_domains": (2, 3),
            "entities": (2, 2),
        },
    ),
    Story(
        "initech",
        {"north": 0.7, "south": 0.3},
        interactions=351_000,
        sms=14_500,
        goals=98_000,
        profiles=(24_000, 36_700),
        levels={
            "profile_tables": (3, 4),
            "custom_tables": (6, 14),
            "subscriptions": (9, 17),
            "website_goals": (4, 10),
            "transactional_goals": (2, 6),
            "forms": (7, 18),
            "scenarios": (5, 11),
            "segmentation_rules": (30, 71),
            "daily_exports": (3, 5),
            "newsletters": (2, 4),
            "users": (11, 23),
            "api_users": (1, 3),
            "sending_domains": (1, 3),
            "entities": (2, 2),
        },
    ),
)

CHANNELS: Final = {
    "marketing_email": (0.62, range(7)),
    "transactional_email": (0.24, range(7)),
    "social": (0.08, (1, 3, 5)),
    "print": (0.04, (0,)),
    "call_center": (0.02, range(5)),
}
"""The share of each channel in the interactions, and its weekdays; Monday is 0."""

PARTS: Final = {
    "custom_tables": {"interaction": 0.5, "linked_data": 0.3, "repository": 0.2},
    "daily_exports": {"incremental": 0.6, "periodic_full": 0.2, "out_flow": 0.2},
    "sending_domains": {"standard": 0.7, "transactional": 0.3},
}
"""Levels that are reported by type, with the share of each type."""


def make_events(today: date, period_start: date) -> list[Event]:
    """Return the CloudEvents of the year before `today`, about 17,000, ordered by time."""
    days = [today - timedelta(days=back) for back in range(DAYS, 0, -1)]
    events: list[Event] = []
    for story in STORIES:
        random = Random(f"{story.license} {today}")  # noqa: S311 - invented usage is no secret
        for number, event in enumerate(_events(story, random, days, period_start)):
            events.append({"id": f"{story.license}-{number}", **event})
    return sorted(events, key=lambda event: (event["time"], event["id"]))


def _events(story: Story, random: Random, days: list[date], since: date) -> Iterator[Event]:
    for entity, part in story.entities.items():
        for channel, (share, weekdays) in CHANNELS.items():
            on = [day for day in days if day.weekday() in weekdays]
            for day, quantity in _spread(random, on, story.interactions * part * share, since):
                data = {"quantity": quantity, "entity": entity, "dimensions": {"channel": channel}}
                yield _event(story, random, "interaction.sent", day, data)
        for event_type, total in (("sms.sent", story.sms), ("goal.triggered", story.goals)):
            for day, quantity in _spread(random, days, total * part, since):
                yield _event(story, random, event_type, day, {"quantity": quantity, "entity": entity})
    for number, day in enumerate(days[::7]):
        progress = number * 7 / (len(days) - 1)
        for entity, part in story.entities.items():
            value = round(_between(story.profiles, progress) * part * random.uniform(0.99, 1.01))
            yield _event(story, random, "profiles.level", day, {"value": value, "entity": entity})
        for meter, ends in story.levels.items():
            value = round(_between(ends, progress))
            for kind, share in _shared(value, PARTS.get(meter, {"": 1})):
                dimensions = {"dimensions": {"type": kind}} if kind else {}
                yield _event(story, random, f"{meter}.level", day, {"value": share, **dimensions})


def _event(story: Story, random: Random, event_type: str, day: date, data: Event) -> Event:
    # At these hours of UTC it is the same day in the time zones of all three licenses.
    at = datetime.combine(day, time(random.randint(6, 17), random.randint(0, 59), random.randint(0, 59)), UTC)
    return {
        "specversion": "1.0",
        "source": "/demo",
        "type": event_type,
        "subject": story.license,
        "time": at.isoformat().replace("+00:00", "Z"),
        "data": data,
    }


def _spread(random: Random, days: list[date], total: float, since: date) -> Iterator[tuple[date, int]]:
    """Yield random quantities by day, growing and lower at weekends; those from `since` on add up to `total`."""
    weights = {
        day: (1 + place / len(days)) * (0.4 if day.weekday() > 4 else 1) * random.uniform(0.7, 1.3)
        for place, day in enumerate(days)
    }
    scale = total / sum(weight for day, weight in weights.items() if day >= since)
    for day, weight in weights.items():
        if quantity := round(weight * scale):
            yield day, quantity


def _between(ends: tuple[int, int], progress: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * progress


def _shared(value: int, shares: Mapping[str, float]) -> Iterator[tuple[str, int]]:
    """Yield the parts of a value by their shares; the last part takes the remainder of rounding."""
    left = value
    for place, (kind, share) in enumerate(shares.items(), 1):
        part = left if place == len(shares) else round(value * share)
        left -= part
        yield kind, part
