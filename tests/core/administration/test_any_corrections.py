"""Any sequence of events, adjustments and cancelled events leaves what a plain recount in Python finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from core.administration.correct_usage import correct_usage
from core.administration.inputs import CorrectionInput
from core.consumption.readings.judged_reading import JudgedReading
from core.usage.events import ADJUSTMENT
from core.usage.recount import recount
from tests.fixtures import plain
from tests.fixtures.engine import NOW, Engine, new_key
from tests.fixtures.plain import PlainLicense
from tests.forms import examples

DAY = timedelta(days=1)
TERMS = {"profiles": 50, "interactions_per_profile": 4, "custom_tables": 20}
ZONES = ("UTC", "Europe/Brussels", "America/Los_Angeles", "Pacific/Kiritimati")
COUNTERS = ("interaction.sent", "sms.sent")
LEVELS = ("profiles.level", "custom_tables.level")
AMOUNTS = st.integers(1, 9) | st.decimals("0.000000001", 9, places=9) | st.just(2**53)
AGES = st.sampled_from([timedelta(), timedelta(hours=13), DAY, 3 * DAY, 20 * DAY]) | st.integers(0, 40 * 24).map(
    lambda hours: timedelta(hours=hours)
)


@dataclass(frozen=True)
class Step:
    """A step of a sequence.

    `kind` is "send", "adjust", "cancel", "refresh" or "wait" for a day. `number` chooses what is cancelled.
    """

    kind: str
    type: str = ""
    age: timedelta = timedelta()
    amount: Decimal | int = 0
    fields: dict[str, Any] = field(default_factory=dict)
    number: int = 0


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from(["send", "send", "send", "adjust", "adjust", "cancel", "cancel", "refresh", "wait"]))
    if kind in ("refresh", "wait"):
        return Step(kind)
    if kind == "cancel":
        return Step(kind, number=draw(st.integers(0, 20)))
    name = draw(st.sampled_from(COUNTERS if kind == "adjust" else COUNTERS + LEVELS))
    fields: dict[str, Any] = {}
    if entity := draw(st.sampled_from([None, "be", "nl"])):
        fields["entity"] = entity
    values = {"interaction.sent": ("channel", ("print", "social")), "custom_tables.level": ("type", ("repository",))}
    if name in values and draw(st.booleans()):
        key, known = values[name]
        fields["dimensions"] = {key: draw(st.sampled_from(known))}
    sign = draw(st.sampled_from([-1, -1, 1])) if kind == "adjust" else 1
    return Step(kind, name, draw(AGES), sign * draw(AMOUNTS), fields)


@dataclass
class Model:
    """What was sent and adjusted, in order, without what was cancelled since."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    cancelled: set[tuple[str, str]] = field(default_factory=set)

    @property
    def left(self) -> list[dict[str, Any]]:
        return [one for one in self.entries if (one["source"], one["id"]) not in self.cancelled]


def correct(engine: Engine, correction: CorrectionInput, now: datetime) -> None:
    # A retry changes nothing.
    for _ in range(2):
        with engine.database.write() as session:
            correct_usage(session, correction, engine.runtime.registry, engine.runtime.settings, "an operator", now)


def take(engine: Engine, model: Model, key: str, step: Step, number: int, now: datetime) -> None:
    identifier, time = f"n{number}", now - step.age
    if step.kind == "send":
        name = "value" if step.type in LEVELS else "quantity"
        raw = {"id": identifier, "source": "/test", "type": step.type, "license": key, "time": time, **step.fields}
        raw[name] = step.amount
        assert engine.backfill(raw, now=now).accepted == 1
        model.entries.append(raw)
    elif step.kind == "adjust":
        quantity = Decimal(step.amount)
        correct(engine, CorrectionInput(identifier, key, "why", step.type, quantity, time, **step.fields), now)
        row = {"id": identifier, "source": ADJUSTMENT, "type": step.type, "license": key, "time": time, **step.fields}
        model.entries.append({**row, "quantity": step.amount})
    elif step.kind == "cancel" and (left := model.left):
        chosen = left[step.number % len(left)]
        event = (chosen["source"], chosen["id"])
        if step.number % 2:
            engine.refresh(key, now=now)  # so that history and checkpoints know the event
        correct(engine, CorrectionInput(identifier, key, "why", cancels=event), now)
        model.cancelled.add(event)
        # A cancelled event that is sent again is a duplicate.
        if chosen["source"] == "/test":
            assert engine.backfill(chosen, now=now).duplicates == 1


def figures(readings: dict[str, JudgedReading], meters: Iterable[str]) -> dict[str, tuple[object, object]]:
    by = {"interactions": "channel", "sms_credits": "entity", "profiles": "entity", "custom_tables": "type"}
    found: dict[str, tuple[object, object]] = {}
    for meter in meters:
        reading = readings[meter]
        shares = {share.key: Fraction(share.used) for share in reading.shares if share.used}
        assert all(share.dimension == by[meter] for share in reading.shares)
        found[meter] = (None if reading.used is None else Fraction(reading.used), shares)
    return found


def expected(license: PlainLicense, model: Model, day: date) -> dict[str, tuple[object, object]]:
    by = {"interactions": "channel", "sms_credits": "entity", "profiles": "entity", "custom_tables": "type"}
    return {
        meter: (
            one.used,
            {key: used for (dimension, key), used in one.shares.items() if dimension == by[meter] and used},
        )
        for meter, one in plain.readings(license, model.left, day).items()
        if meter in by
    }


@examples(15)
@given(
    st.lists(steps(), min_size=1, max_size=14),
    st.sampled_from(ZONES),
    st.sampled_from([1, 12]),
    st.sampled_from([0, 7, 2**53]),
    st.integers(0, 45),
    st.integers(0, 20),
)
def test_readings_history_and_recount_are_those_of_a_plain_recount(
    engine: Engine, sequence: Sequence[Step], zone: str, months: int, granted: int, ago: int, chosen: int
) -> None:
    key = new_key()
    license = PlainLicense(key, zone, date(2026, 1, 1), months, "CONTRACT_DATE", TERMS, Fraction(granted))
    engine.license(key, zone, TERMS, effective_from=date(2020, 1, 1), billing_period=f"P{months}M")
    if granted:
        engine.grant(key, "g", granted, granted_at=NOW - 100 * DAY)
    model, now = Model(), NOW
    # The last event that is cancelled finds nothing behind it that has history measured again in its stead.
    for number, step in enumerate([*sequence, Step("cancel", number=chosen)]):
        now += DAY if step.kind == "wait" else timedelta(seconds=1)
        take(engine, model, key, step, number, now)
        if step.kind == "refresh":
            engine.refresh(key, now=now)
    engine.refresh(key, now=now)

    with engine.database.read() as session:
        assert list(recount(session, engine.id(key), engine.runtime.registry.event_types)) == []
    today = license.day(now)
    current = expected(license, model, today)
    assert figures(engine.readings(key), current) == current
    day = today - timedelta(days=ago)
    assert figures(engine.past_readings(day, key, now) if ago else engine.readings(key), current) == expected(
        license, model, day
    )
    for meter in ("interactions", "sms_credits"):
        for at, used, _ in engine.history(meter, key, until=now):
            last = (at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
            if at != now.astimezone(UTC):
                assert Fraction(used or 0) == expected(license, model, last)[meter][0], (meter, at)
