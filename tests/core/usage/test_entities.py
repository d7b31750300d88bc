"""One entity in all its spellings: events, files, grants and requests name the same one."""

import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from core.administration.put_contract import MOST_VERSIONS
from core.administration.rules.licenses import MOST_ADMINS
from core.licenses.tables import Grant
from core.settings import Settings
from core.text import fold_name
from core.usage.bounds import DEFAULT_BOUNDS, UsageBounds, usage_bounds
from core.usage.entities import list_entities, name_entities
from core.usage.events import EventRules, check_events
from core.usage.record import record
from core.usage.recount import recount
from tests.fixtures.engine import NOW, Engine, counted_statements, new_key, usage_event
from tests.forms import examples

NFD = unicodedata.normalize("NFD", "Zürich")


def entities(engine: Engine, key: str = "acme") -> list[str]:
    license_id = engine.id(key)
    with engine.database.read() as session:
        return [entity.name for entity in list_entities(session, license_id)]


def level(entity: str, value: int, minutes: int = 0, **rest: Any) -> dict[str, Any]:
    return usage_event("forms.level", time=NOW + timedelta(minutes=minutes - 60), value=value, entity=entity, **rest)


def test_levels_of_an_entity_in_several_spellings_are_one_level(engine: Engine) -> None:
    engine.license()
    engine.send(level("Zürich", 4), level(NFD, 5, 1), level(" ZÜRICH ", 6, 2))
    engine.refresh()
    assert engine.reading("forms").used == 6
    assert entities(engine) == ["Zürich"]


def test_the_first_spelling_names_an_entity(engine: Engine) -> None:
    engine.license()
    engine.send(usage_event("sms.sent", quantity=3, entity="north"))
    engine.send(usage_event("sms.sent", quantity=4, entity="NORTH"))
    engine.refresh()
    assert [(share.key, share.label, share.used) for share in engine.reading("sms_credits").shares] == [
        ("north", "north", 7)
    ]


def test_credits_of_another_spelling_are_spent(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "g", 10, entity="Nord", granted_at=NOW - timedelta(hours=1))
    engine.grant("acme", "g", 10, entity="NORD  ", granted_at=NOW - timedelta(hours=1))
    engine.send(usage_event("sms.sent", quantity=10, entity="nord"))
    engine.refresh()
    assert engine.reading("sms_credits").grants == {"g": 0}
    with engine.database.read() as session:
        assert session.exec(select(Grant.entity)).all() == ["Nord"]


def test_a_retry_in_another_spelling_is_a_duplicate(engine: Engine) -> None:
    engine.license()
    raw = usage_event("sms.sent", quantity=3, entity="Zürich")
    assert engine.send(raw).accepted == 1
    assert engine.send({**raw, "entity": NFD}).duplicates == 1
    result = engine.send({**raw, "entity": "Bern"})
    assert [event.code for event in result.rejected] == ["ID_CONFLICT"]


@pytest.mark.parametrize("blank", [" ", "\u3000", " \u200b"])
def test_a_blank_entity_is_rejected(engine: Engine, blank: str) -> None:
    engine.license()
    result = engine.send(usage_event("sms.sent", entity="be"), usage_event("sms.sent", entity=blank))
    assert result.accepted == 1
    assert [(event.index, event.code) for event in result.rejected] == [(1, "BAD_FIELD")]


def test_a_new_spelling_takes_one_statement_more_and_only_once(engine: Engine) -> None:
    engine.license()
    engine.send(usage_event("sms.sent", entity="be"))

    def statements(entity: str) -> int:
        with counted_statements(engine.database) as sent:
            engine.send(usage_event("sms.sent", entity=entity))
        return len(sent)

    known = statements("be")
    assert statements("BE") == known + 1
    assert statements("BE") == known


def test_of_too_many_entities_the_new_ones_are_rejected(engine: Engine) -> None:
    engine.license()
    engine.license("other")
    registry = engine.runtime.registry

    def send(*names: str, license: str = "acme", most: int = 3) -> list[tuple[int, str]]:
        rules = EventRules(registry.event_types, NOW, None, timedelta(0), lambda _: True)
        events, _ = check_events([usage_event("sms.sent", license, entity=name) for name in names], rules)
        with engine.database.write() as session:
            result = record(session, events, NOW, bounds=UsageBounds(entities=most))
        assert result.accepted + len(result.rejected) == len(names)
        return [(event.index, event.code) for event in result.rejected]

    assert send("a", "b", "A", "b ") == []
    assert send("c", "d", "e", "b") == [(1, "TOO_MANY_ENTITIES"), (2, "TOO_MANY_ENTITIES")]
    assert send("f", license="other") == []
    assert entities(engine) == ["a", "b", "c"]
    assert send("d", most=4) == []
    # Operators name as many as they want.
    engine.grant("acme", "g", 1, entity="z")
    assert send("Z") == []


def test_of_too_many_series_the_new_ones_are_rejected(engine: Engine) -> None:
    engine.license()
    engine.license("other")
    registry = engine.runtime.registry

    def send(*channels: str, license: str = "acme", most: int = 2) -> list[tuple[int, str]]:
        rules = EventRules(registry.event_types, NOW, None, timedelta(0), lambda _: True)
        raws = [usage_event("interaction.sent", license, dimensions={"channel": one}) for one in channels]
        events, rejected = check_events(raws, rules)
        assert rejected == []
        with engine.database.write() as session:
            result = record(session, events, NOW, bounds=UsageBounds(series=most))
        assert result.accepted + len(result.rejected) == len(channels)
        return [(event.index, event.code) for event in result.rejected]

    assert send("print", "social", "print") == []
    assert send("print", "call_center", "social") == [(1, "TOO_MANY_SERIES")]
    assert send("call_center", license="other") == []
    assert send("call_center", most=3) == []
    assert send("call_center") == []


def test_the_bounds_are_those_of_the_settings() -> None:
    settings = Settings()
    assert usage_bounds(settings) == DEFAULT_BOUNDS
    assert (settings.max_admins, settings.max_contract_versions) == (MOST_ADMINS, MOST_VERSIONS)


def test_a_backfill_counts_another_spelling_once(engine: Engine) -> None:
    engine.license()
    old = NOW - timedelta(days=200)
    engine.backfill(usage_event("sms.sent", time=old, id="one", entity="be"))
    engine.backfill(usage_event("sms.sent", time=old, id="one", entity="BE"))
    engine.refresh()
    assert engine.reading("sms_credits").used == 1
    with engine.database.read() as session:
        assert list(recount(session, engine.id(), engine.runtime.registry.event_types)) == []


def test_two_transactions_name_a_new_entity_once(engine: Engine) -> None:
    license_id = engine.license()
    spellings = [f"{'N' if number % 2 else 'n'}ord{' ' * number}" for number in range(8)]

    def name(spelling: str) -> str:
        with engine.database.write() as session:
            return name_entities(session, [(license_id, spelling)])[license_id, spelling]

    with ThreadPoolExecutor(4) as threads:
        names = set(threads.map(name, spellings))
    assert len(names) == 1
    assert set(entities(engine)) == names


SPELLINGS = st.sampled_from(["be", "BE", " be", "Zürich", "ZÜRICH", NFD, "zu\u0308rich ", "nl", "N L", "n  l", None])


@examples(25)
@given(st.lists(st.lists(st.tuples(SPELLINGS, st.integers(0, 9), st.booleans()), max_size=8), max_size=4))
def test_usage_in_any_spelling_is_that_of_the_folded_names(
    engine: Engine, batches: Sequence[Sequence[tuple[str | None, int, bool]]]
) -> None:
    key = new_key()
    engine.license(key)
    sums: dict[str, int] = {}
    levels: dict[str, int] = {}
    at = NOW - timedelta(hours=2)
    for batch in batches:
        raws = []
        for entity, amount, counts in batch:
            at += timedelta(seconds=1)
            name = fold_name(entity or "")
            given = {"entity": entity} if entity else {}
            if counts:
                sums[name] = sums.get(name, 0) + amount
                raws.append(usage_event("sms.sent", key, at, quantity=amount, **given))
            else:
                levels[name] = amount
                raws.append(usage_event("profiles.level", key, at, value=amount, **given))
        assert not engine.send(*raws).rejected
    engine.refresh(key)
    credits, profiles = engine.reading("sms_credits", key), engine.reading("profiles", key)
    assert {fold_name(share.key): share.used for share in credits.shares if share.used} == {
        name: used for name, used in sums.items() if used
    }
    assert {fold_name(share.key): share.used for share in profiles.shares} == levels
    assert profiles.used == (sum(levels.values()) if levels else None)
    with engine.database.read() as session:
        assert list(recount(session, engine.id(key), engine.runtime.registry.event_types)) == []
