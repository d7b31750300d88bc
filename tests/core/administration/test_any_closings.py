"""Entities are merged and closed in any order between any usage: all agrees with a plain model in Python."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.administration.close_entity import close_entity
from core.administration.inputs import ClosingInput
from core.consumption.readings.judged_reading import JudgedReading
from core.errors import InvalidInput
from core.usage.recount import recount
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

DAY = timedelta(days=1)
TODAY = NOW.date()
NAMES = ("a", "b", "c", "d")
SPELLINGS = {"a": ("a", "A", " a"), "b": ("b", "B"), "c": ("c", "C "), "d": ("d",)}
GRANTS = (("ga", "a", 7), ("gb", "b", 5), ("gz", None, 4))
"""Id, entity and amount of each grant, all made before the first usage, in the order in which they are spent."""


@dataclass
class Model:
    """A license as the rules describe it."""

    names: dict[str, str] = field(default_factory=dict)
    closings: dict[str, tuple[date, str | None]] = field(default_factory=dict)
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)

    def is_closed(self, entity: str, day: date) -> bool:
        return entity in self.closings and self.closings[entity][0] <= day

    def successor(self, entity: str, day: date) -> str | None:
        while self.is_closed(entity, day):
            into = self.closings[entity][1]
            if into is None:
                return None
            entity = into
        return entity

    def owner(self, entity: str, day: date) -> str:
        while self.is_closed(entity, day) and (into := self.closings[entity][1]):
            entity = into
        return entity

    def send(self, raw: dict[str, Any]) -> str:
        entity, day = raw["entity"].strip().lower(), raw["time"].date()
        self.names.setdefault(entity, raw["entity"])
        if raw["id"] in self.recorded:
            return "duplicate"
        successor = self.successor(entity, day)
        if successor is None or ("value" in raw and successor != entity):
            return "rejected"
        self.recorded[raw["id"]] = {**raw, "entity": successor}
        return "accepted"

    def close(self, entity: str, day: date, into: str | None) -> bool:
        """Close an entity, and return whether that is possible."""
        if entity not in self.names:
            return False
        name = into
        while name is not None:
            if name == entity:
                return False
            closed_from, after = self.closings.get(name, (date.max, None))
            if after is None and closed_from <= day:
                return False
            name = after
        self.closings[entity] = day, into
        return True

    def levels(self, day: date) -> dict[str, int]:
        newest: dict[str, dict[str, Any]] = {}
        for raw in self.recorded.values():
            entity = raw["entity"]
            if (
                raw["type"] == "profiles.level"
                and raw["time"].date() <= day
                and (entity not in newest or newest[entity]["time"] <= raw["time"])
            ):
                newest[entity] = raw
        return {name: raw["value"] for name, raw in newest.items() if not self.is_closed(name, day)}

    def spent(self, day: date) -> dict[date, dict[str, int]]:
        spent: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for raw in self.recorded.values():
            if raw["type"] == "sms.sent" and raw["time"].date() <= day:
                spent[raw["time"].date()][raw["entity"]] += raw["quantity"]
        return spent

    def burn_down(self, day: date) -> tuple[dict[str, int], int]:
        """What is left of each grant, and what is owed, day by day and credit by credit."""
        left = {key: amount for key, _, amount in GRANTS}
        owed: dict[str, int] = defaultdict(int)
        spent = self.spent(day)
        for on in (TODAY + number * DAY for number in range(-20, 1)):
            if on > day:
                break
            for entity, amount in spent.get(on, {}).items():
                owed[entity] += amount
            for entity in sorted(owed, key=lambda entity: self.names[entity]):
                for key, of, _ in GRANTS:
                    if of is None or self.owner(of, on) == self.owner(entity, on):
                        paid = min(owed[entity], left[key])
                        owed[entity] -= paid
                        left[key] -= paid
        return left, sum(owed.values())


DAYS = st.integers(-6, 0)
ENTITIES = st.sampled_from(NAMES)
USAGE = st.tuples(st.sampled_from(["level", "sms"]), ENTITIES, DAYS, st.integers(0, 6), st.integers(0, 2))
STEPS = st.one_of(
    st.tuples(st.just("send"), st.lists(USAGE, min_size=1, max_size=5)),
    st.tuples(st.just("close"), st.tuples(ENTITIES, st.integers(-7, 2), ENTITIES | st.none())),
    st.tuples(st.just("again"), st.integers(0, 30)),
    st.tuples(st.just("refresh"), st.none()),
)


@examples(20)
@given(st.lists(STEPS, min_size=2, max_size=14), DAYS)
def test_any_closings_between_any_usage_agree_with_the_plain_model(
    engine: Engine, steps: list[tuple[str, Any]], past: int
) -> None:
    key = new_key()
    engine.license(key)
    model = Model()
    for grant, entity, amount in GRANTS:
        engine.grant(key, grant, amount, granted_at=NOW - 15 * DAY, entity=entity)
        if entity:
            model.names.setdefault(entity, entity)
    numbers = count()
    sent: list[dict[str, Any]] = []
    for step, content in steps:
        if step == "send":
            raws = [raw for usage in content for raw in raw_events(key, 2 * next(numbers), *usage)]
            sent += raws
            send(engine, model, raws)
        elif step == "again" and sent:
            raw = sent[content % len(sent)]
            send(engine, model, [{**raw, "entity": raw["entity"].swapcase()}])
        elif step == "close":
            entity, day, into = content
            close(engine, model, key, entity, TODAY + day * DAY, into)
        elif step == "refresh":
            engine.refresh(key)
    engine.refresh(key)

    assert_agrees(model, TODAY, engine.readings(key))
    assert_agrees(model, TODAY + past * DAY, engine.past_readings(TODAY + past * DAY, key))
    remembered = {at.date(): used for at, used, _ in engine.history("profiles", key)}
    for day, used in remembered.items():
        levels = model.levels(day)
        assert used == (sum(levels.values()) if levels else None)
    with engine.database.read() as session:
        assert list(recount(session, engine.id(key), engine.runtime.registry.event_types)) == []


def raw_events(
    key: str, number: int, kind: str, entity: str, day: int, amount: int, spelling: int
) -> list[dict[str, Any]]:
    """Usage of credits, or the reports of two levels: one that is always broken down by entity, and one on demand."""
    spelled = SPELLINGS[entity][spelling % len(SPELLINGS[entity])]
    at = NOW + day * DAY - timedelta(hours=1) + timedelta(seconds=number)
    if kind == "level":
        return [
            usage_event(f"{meter}.level", key, at, id=f"{key}-{number + offset}", value=amount, entity=spelled)
            for offset, meter in enumerate(("profiles", "forms"))
        ]
    return [usage_event("sms.sent", key, at, id=f"{key}-{number}", quantity=amount, entity=spelled)]


def send(engine: Engine, model: Model, raws: list[dict[str, Any]]) -> None:
    outcomes = [model.send(raw) for raw in raws]
    result = engine.send(*raws)
    assert {event.code for event in result.rejected} <= {"ENTITY_CLOSED"}
    assert [event.index for event in result.rejected] == [
        index for index, outcome in enumerate(outcomes) if outcome == "rejected"
    ]
    assert (result.accepted, result.duplicates) == (outcomes.count("accepted"), outcomes.count("duplicate"))


def close(engine: Engine, model: Model, key: str, entity: str, day: date, into: str | None) -> None:
    is_possible = model.close(entity, day, into)
    if is_possible and into:
        model.names.setdefault(into, into)
    try:
        with engine.database.write() as session:
            close_entity(session, ClosingInput(key, entity.upper(), day, into), "ops", NOW)
    except InvalidInput:
        assert not is_possible
    else:
        assert is_possible


def assert_agrees(model: Model, day: date, readings: dict[str, JudgedReading]) -> None:
    levels = model.levels(day)
    profiles = readings["profiles"]
    assert profiles.used == (sum(levels.values()) if levels else None)
    assert {share.key: share.used for share in profiles.shares} == {
        model.names[name]: value for name, value in levels.items()
    }
    forms = readings["forms"]
    assert forms.used == profiles.used
    by_entity = forms.entities.shares() if forms.entities else ()
    assert by_entity == profiles.shares
    left, owed = model.burn_down(day)
    credits = readings["sms_credits"]
    assert dict(credits.grants) == left
    assert (credits.remaining, credits.overage) == (sum(left.values()), owed)
    used: dict[str, int] = defaultdict(int)
    for amounts in model.spent(day).values():
        for name, amount in amounts.items():
            used[model.names[name]] += amount
    assert {share.key: share.used for share in credits.shares if share.used} == {
        name: amount for name, amount in used.items() if amount
    }
    own = sum(amount for key, amount in left.items() if key in {id for id, entity, _ in GRANTS if entity})
    assert sum((share.remaining or 0 for share in credits.shares), 0) == own
