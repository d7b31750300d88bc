"""Usage at an instant is paid by the grants that are valid at that instant."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.usage.recount import recount
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONG_AGO = NOW - 20 * DAY
ZONES = ("Europe/Brussels", "America/Los_Angeles", "Asia/Tokyo")


def left(engine: Engine, key: str = "acme") -> Mapping[str, Decimal]:
    """Return what the current reading says is left of each grant."""
    return engine.reading("sms_credits", key).grants


def sms(quantity: int, time: datetime, key: str = "acme", **rest: Any) -> dict[str, Any]:
    return usage_event("sms.sent", key, time, quantity=quantity, **rest)


@pytest.mark.parametrize("zone", ["UTC", *ZONES])
def test_a_grant_that_expired_earlier_on_the_same_day_pays_nothing(engine: Engine, zone: str) -> None:
    engine.license("acme", zone)
    engine.grant("acme", "old", 100, granted_at=LONG_AGO, expires_at=NOW - 2 * HOUR, now=LONG_AGO)
    engine.grant("acme", "new", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.send(sms(40, NOW - HOUR / 2))
    engine.refresh()
    assert left(engine) == {"old": 0, "new": 60}
    reading = engine.reading("sms_credits")
    assert (reading.limit, reading.used) == (100, 40)


@pytest.mark.parametrize("zone", ZONES)
def test_an_expiry_at_midnight_in_utc_divides_the_local_day_of_every_zone(engine: Engine, zone: str) -> None:
    midnight = datetime(2026, 3, 15, tzinfo=UTC)
    engine.license("acme", zone)
    engine.grant("acme", "old", 100, granted_at=LONG_AGO, expires_at=midnight, now=LONG_AGO)
    engine.grant("acme", "new", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.send(sms(10, midnight - HOUR), sms(30, midnight + HOUR))
    engine.refresh()
    assert left(engine) == {"old": 0, "new": 70}
    # Also once the day is over, and once checkpoints stand in for its rollups.
    for later in (NOW + DAY, NOW + 9 * DAY, NOW + 18 * DAY):
        engine.refresh(now=later)
        assert left(engine) == {"old": 0, "new": 70}


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_the_instant_of_the_expiry_is_the_first_that_the_grant_does_not_pay(engine: Engine, zone: str) -> None:
    end = NOW - 3 * HOUR
    engine.license("acme", zone)
    engine.grant("acme", "old", 100, granted_at=LONG_AGO, expires_at=end, now=LONG_AGO)
    engine.grant("acme", "new", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.send(sms(10, end - timedelta(microseconds=1)), sms(5, end))
    engine.refresh()
    assert left(engine) == {"old": 0, "new": 95}


def test_a_late_event_of_before_the_expiry_is_paid_by_the_grant_that_was_valid_then(engine: Engine) -> None:
    end = NOW - 2 * HOUR
    engine.license()
    engine.grant("acme", "old", 100, granted_at=LONG_AGO, expires_at=end, now=LONG_AGO)
    engine.grant("acme", "new", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.refresh()
    engine.send(sms(40, NOW - HOUR))
    engine.refresh()
    later = NOW + 12 * DAY
    engine.send(sms(25, end - HOUR), now=later)
    engine.refresh(now=later)
    assert left(engine) == {"old": 0, "new": 60}
    with engine.database.read() as session:
        assert list(recount(session, engine.id(), engine.runtime.registry.event_types)) == []


def test_a_grant_pays_the_debt_that_was_made_before_it_began(engine: Engine) -> None:
    engine.license()
    engine.send(sms(30, NOW - 3 * HOUR))
    engine.grant("acme", "first", 100, granted_at=NOW - 2 * HOUR, expires_at=NOW - HOUR)
    engine.grant("acme", "second", 100, granted_at=NOW - 2 * HOUR)
    engine.send(sms(20, NOW - HOUR / 2))
    engine.refresh()
    # The debt was paid by `first` when it began; what came after its end is paid by `second`.
    assert left(engine) == {"first": 0, "second": 80}


def test_history_and_the_past_say_the_same_as_the_present_did(engine: Engine) -> None:
    end = NOW - 2 * HOUR
    engine.license()
    engine.grant("acme", "old", 100, granted_at=LONG_AGO, expires_at=end, now=LONG_AGO)
    engine.grant("acme", "new", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.send(sms(10, end - HOUR), sms(30, end + HOUR))
    tomorrow = NOW + DAY
    engine.refresh(now=tomorrow)
    past = engine.past_readings(NOW.date(), now=tomorrow)["sms_credits"]
    assert past.grants == {"old": 0, "new": 70}
    assert engine.history("sms_credits", until=tomorrow)[-2:][0][1] == 30


@dataclass(frozen=True)
class PlainGrant:
    """A grant of the plain recount."""

    id: str
    amount: int
    begins: datetime
    ends: datetime | None
    entity: str | None

    def is_valid(self, at: datetime) -> bool:
        return self.begins <= at and (self.ends is None or at < self.ends)

    @property
    def rank(self) -> tuple[datetime, datetime, bool, str]:
        """The order in which grants are spent."""
        return (self.ends or datetime.max.replace(tzinfo=UTC), self.begins, self.entity is None, self.id)


Spent = tuple[datetime, str, int]
"""Instant, entity ("" for none) and quantity."""


def burn(grants: Sequence[PlainGrant], spent: Sequence[Spent], zone: str, now: datetime) -> tuple[dict[str, int], int]:
    """Return what is left of each grant at `now`, and what nothing paid for.

    Time is cut at every instant at which a grant begins or ends and at every local midnight. Within a cut the same
    grants are valid, and entities are served in the order of their names.
    """
    left = {grant.id: grant.amount for grant in grants if grant.begins <= now}
    known = sorted((grant for grant in grants if grant.begins <= now), key=lambda grant: grant.rank)
    owed: dict[str, int] = defaultdict(int)
    for begin, parts in _cuts(known, spent, zone, now):
        for entity, quantity in parts.items():
            owed[entity] += quantity
        for entity in sorted(owed):
            for grant in known:
                if grant.is_valid(begin) and grant.entity in (None, entity):
                    paid = min(owed[entity], left[grant.id])
                    left[grant.id] -= paid
                    owed[entity] -= paid
    rest = {grant.id: left[grant.id] if grant.is_valid(now) else 0 for grant in known}
    return rest, sum(owed.values())


def _cuts(
    grants: Sequence[PlainGrant], spent: Sequence[Spent], zone: str, now: datetime
) -> Iterator[tuple[datetime, Mapping[str, int]]]:
    turns = {turn for grant in grants for turn in (grant.begins, grant.ends) if turn is not None}
    times = {time for time, *_ in spent} | turns
    first = min(times, default=now).astimezone(ZoneInfo(zone)).date()
    while (start := _midnight(first, zone)) <= now:
        turns.add(start)
        first += DAY
    begins = sorted(turn for turn in turns if turn <= now)
    for number, begin in enumerate(begins):
        end = begins[number + 1] if number + 1 < len(begins) else datetime.max.replace(tzinfo=UTC)
        parts: dict[str, int] = defaultdict(int)
        for time, entity, quantity in spent:
            if begin <= time < end:
                parts[entity] += quantity
        yield begin, parts


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


minutes = st.integers(0, 12 * 24 * 4).map(lambda quarter: NOW - 12 * DAY + quarter * timedelta(minutes=15))


lasting = st.none() | st.integers(1, 6 * 24 * 4).map(lambda quarters: quarters * timedelta(minutes=15))


@st.composite
def some_grants(draw: st.DrawFn) -> list[PlainGrant]:
    return [
        PlainGrant(
            f"g{number}",
            draw(st.integers(1, 20)),
            begins := draw(minutes),
            draw(
                st.none() | st.integers(1, 6 * 24 * 4).map(lambda quarters: begins + quarters * timedelta(minutes=15))
            ),
            draw(st.sampled_from([None, None, "be", "fr"])),
        )
        for number in range(draw(st.integers(1, 5)))
    ]


@examples(20)
@given(
    grants=some_grants(),
    spent=st.lists(st.tuples(minutes, st.sampled_from(["", "be", "fr"]), st.integers(1, 9)), max_size=12),
    zone=st.sampled_from(["UTC", *ZONES, "Asia/Kathmandu", "Pacific/Kiritimati", "America/St_Johns"]),
    first=st.integers(0, 12),
)
def test_what_is_left_is_what_a_plain_recount_finds(
    engine: Engine, grants: list[PlainGrant], spent: list[Spent], zone: str, first: int
) -> None:
    key = new_key()
    engine.license(key, zone)
    for one in grants:
        engine.grant(
            key, one.id, one.amount, granted_at=one.begins, expires_at=one.ends, entity=one.entity, now=one.begins
        )
    events = [sms(quantity, time, key, entity=entity or None) for time, entity, quantity in spent]
    # Some events come in late, after a refresh that was without them.
    engine.send(*events[:first])
    engine.refresh(key)
    engine.send(*events[first:])
    engine.refresh(key)
    expected, overage = burn(grants, spent, zone, NOW)
    assert left(engine, key) == expected
    reading = engine.reading("sms_credits", key)
    granted = sum(one.amount for one in grants if one.is_valid(NOW))
    assert (reading.used or 0) == granted - sum(expected.values()) + overage
