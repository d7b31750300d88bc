"""Entities that are closed, merged and renamed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, select

from core.administration.close_entity import close_entity
from core.administration.inputs import ClosingInput, CreditRequestInput, RenamingInput
from core.administration.rename_entity import rename_entity
from core.administration.request_credits import request_credits
from core.errors import InvalidInput
from core.usage.recount import recount
from core.usage.tables import Entity
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event

DAY = timedelta(days=1)
TODAY = NOW.date()


def close(engine: Engine, entity: str, from_: date = TODAY, into: str | None = None, now: datetime = NOW) -> None:
    with engine.database.write() as session:
        close_entity(session, ClosingInput("acme", entity, from_, into), "ops", now)


def rename(engine: Engine, entity: str, name: str) -> None:
    with engine.database.write() as session:
        rename_entity(session, RenamingInput("acme", entity, name), "ops", NOW)


def forms(entity: str, value: int, at: datetime = NOW, **rest: Any) -> dict[str, Any]:
    return usage_event("forms.level", time=at, value=value, entity=entity, **rest)


def sms(entity: str, quantity: int, at: datetime = NOW, **rest: Any) -> dict[str, Any]:
    return usage_event("sms.sent", time=at, quantity=quantity, entity=entity, **rest)


def wrong(act: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        act()
    return [(problem.code, problem.path[0]) for problem in refused.value.problems]


def shares(engine: Engine, meter: str) -> dict[str, int]:
    return {share.key: int(share.used) for share in engine.reading(meter).shares}


def assert_recounted(engine: Engine) -> None:
    with engine.database.read() as session:
        assert list(recount(session, engine.id(), engine.runtime.registry.event_types)) == []


def test_merged_entities_are_no_part_of_levels_and_the_target_reports_its_own(engine: Engine) -> None:
    engine.license()
    engine.send(forms("north", 4, NOW - 2 * DAY), forms("south", 3, NOW - 2 * DAY), forms("all", 7))
    engine.refresh()
    assert engine.reading("forms").used == 14
    for name in ("North", "SOUTH"):
        close(engine, name, into="all")
    engine.refresh()
    assert engine.reading("forms").used == 7
    assert engine.past_readings(TODAY - DAY)["forms"].used == 7
    assert_recounted(engine)


def test_history_follows_an_entity_that_is_closed_from_a_past_day(engine: Engine) -> None:
    engine.license()
    engine.refresh(now=NOW - 6 * DAY)
    engine.send(forms("north", 4, NOW - 5 * DAY), forms("south", 3, NOW - 5 * DAY), now=NOW - 5 * DAY)
    for days in range(5, -1, -1):
        engine.refresh(now=NOW - days * DAY)
    close(engine, "north", TODAY - 3 * DAY)
    engine.refresh()
    used = {at.date(): used for at, used, _ in engine.history("forms")}
    assert used == {TODAY - days * DAY: 7 if days > 3 else 3 for days in range(5, -1, -1)} | {TODAY - 6 * DAY: None}
    # And back, by another day.
    close(engine, "north", TODAY - DAY)
    engine.refresh()
    used = {at.date(): used for at, used, _ in engine.history("forms")}
    assert used[TODAY - 2 * DAY] == 7
    assert used[TODAY - DAY] == used[TODAY] == 3


def test_an_entity_that_will_close_is_a_part_until_then(engine: Engine) -> None:
    engine.license(time_zone="Europe/Brussels")
    engine.send(forms("north", 4), forms("south", 3))
    close(engine, "north", TODAY + DAY)
    due = engine.refresh()[engine.id()]
    assert engine.reading("forms").used == 7
    assert due == datetime(2026, 3, 15, 23, tzinfo=NOW.tzinfo)
    engine.refresh(now=due)
    assert engine.reading("forms").used == 3


def test_later_usage_of_a_merged_entity_is_that_of_the_target(engine: Engine) -> None:
    engine.license()
    engine.send(sms("north", 5, NOW - 2 * DAY), sms("all", 1))
    close(engine, "north", TODAY - DAY, into="all")
    engine.send(sms("NORTH", 10), sms("north", 20, NOW - 2 * DAY), sms("all", 2))
    engine.refresh()
    assert shares(engine, "sms_credits") == {"all": 13, "north": 25}
    assert_recounted(engine)


def test_usage_that_nobody_takes_over_is_rejected_by_its_index(engine: Engine) -> None:
    engine.license()
    engine.send(sms("north", 5), forms("north", 4), sms("south", 1))
    close(engine, "south", into="all")
    close(engine, "north")
    result = engine.send(
        sms("south", 1), sms("North ", 1), sms("north", 2, NOW - DAY), forms("south", 1), forms("north", 9)
    )
    assert result.accepted == 2
    assert [(event.index, event.code) for event in result.rejected] == [
        (1, "ENTITY_CLOSED"), (3, "ENTITY_CLOSED"), (4, "ENTITY_CLOSED")
    ]  # fmt: skip
    assert_recounted(engine)


def test_a_retry_across_a_closing_is_a_duplicate(engine: Engine) -> None:
    engine.license()
    before = [sms("north", 5), sms("south", 6), forms("north", 4)]
    assert engine.send(*before).accepted == 3
    close(engine, "north", into="all")
    close(engine, "south")
    after = sms("north", 7)
    assert engine.send(after).accepted == 1
    assert engine.send(*before, after).duplicates == 4
    close(engine, "all", into="world")
    assert engine.send(*before, after).duplicates == 4
    close(engine, "north", into="other")
    assert engine.send(*before, after).duplicates == 4
    changed = engine.send(*({**raw, "quantity": 9} for raw in (before[0], before[1], after)))
    assert [event.code for event in changed.rejected] == ["ID_CONFLICT"] * 3
    assert_recounted(engine)


def test_a_license_without_closed_entities_takes_no_statement_more(engine: Engine) -> None:
    engine.license()
    engine.send(sms("north", 1), sms("south", 1))

    def statements() -> int:
        with counted_statements(engine.database) as sent:
            engine.send(sms("north", 1))
        return len(sent)

    before = statements()
    close(engine, "south")
    assert statements() == before + 1  # the closed entities are read once
    assert statements() == before


def test_credits_and_debts_of_a_merged_entity_are_those_of_the_target(engine: Engine) -> None:
    engine.license()
    start = NOW - 10 * DAY
    engine.grant("acme", "n", 10, entity="north", granted_at=start)
    engine.grant("acme", "a", 10, entity="all", granted_at=start)
    engine.backfill(sms("north", 4, NOW - 5 * DAY), sms("all", 13, NOW - 5 * DAY))
    engine.refresh()
    assert engine.reading("sms_credits").grants == {"n": 6, "a": 0}
    assert engine.reading("sms_credits").overage == 3
    close(engine, "north", TODAY - 2 * DAY, into="all")
    engine.refresh()
    reading = engine.reading("sms_credits")
    assert (reading.grants, reading.overage, reading.remaining) == ({"n": 3, "a": 0}, 0, 3)
    engine.send(sms("all", 2), sms("north", 2))
    engine.refresh()
    reading = engine.reading("sms_credits")
    assert (reading.grants, reading.overage, reading.remaining) == ({"n": 0, "a": 0}, 1, 0)
    assert {share.key: (share.used, share.limit, share.remaining) for share in reading.shares} == {
        "all": (17, 20, 0),
        "north": (4, None, None),
    }
    assert engine.past_readings(TODAY - 3 * DAY)["sms_credits"].overage == 3


def test_grants_and_requests_of_a_closed_entity(engine: Engine) -> None:
    engine.license()
    engine.send(sms("north", 5), sms("south", 6))
    engine.grant("acme", "old", 5, entity="north", granted_at=NOW - DAY)
    close(engine, "north")
    close(engine, "south", into="all")
    assert wrong(lambda: engine.grant("acme", "new", 5, entity="north")) == [("ENTITY_CLOSED", "entity")]
    engine.grant("acme", "old", 5, entity="NORTH", granted_at=NOW - DAY)
    engine.grant("acme", "south", 5, entity="south")

    def request(entity: str) -> str | None:
        with engine.database.write() as session:
            given = CreditRequestInput("acme", Decimal(5), entity)
            return request_credits(session, given, engine.runtime.registry, (), "console", NOW).entity

    assert wrong(lambda: request("north")) == [("ENTITY_CLOSED", "entity")]
    assert request("south") == "all"


def test_closing_again_in_the_same_way_changes_nothing(engine: Engine) -> None:
    engine.license()
    engine.send(sms("north", 5))
    close(engine, "north", into="all")
    before = engine.snapshot().version
    close(engine, "NORTH", into=" All", now=NOW + DAY)
    assert engine.snapshot().version == before
    with engine.database.read() as session:
        row = session.exec(select(Entity).where(col(Entity.name) == "north")).one()
    assert (row.closed_from, row.into, row.changed_by, row.changed_at) == (TODAY, "all", "ops", NOW)


def test_a_closing_that_cannot_be_is_refused(engine: Engine) -> None:
    engine.license()
    engine.send(sms("north", 5), sms("all", 1), sms("gone", 1))
    close(engine, "gone", TODAY - DAY)
    close(engine, "all", into="north")
    assert wrong(lambda: close(engine, "nroth")) == [("UNKNOWN_ENTITY", "entity")]
    assert wrong(lambda: close(engine, " ")) == [("BAD_INPUT", "entity")]
    assert wrong(lambda: close(engine, "north", into="\u200b")) == [("BAD_INPUT", "into")]
    assert wrong(lambda: close(engine, "north", into="North")) == [("BAD_INPUT", "into")]
    assert wrong(lambda: close(engine, "north", into="all")) == [("BAD_INPUT", "into")]
    assert wrong(lambda: close(engine, "north", into="gone")) == [("ENTITY_CLOSED", "into")]
    assert wrong(lambda: close(engine, "north", date(1969, 1, 1))) == [("BAD_INPUT", "from")]
    close(engine, "north", TODAY - 2 * DAY, into="gone")


def test_a_renamed_entity_is_shown_by_its_name_and_known_by_all(engine: Engine) -> None:
    engine.license()
    engine.send(sms("be", 5), sms("nl", 1))
    rename(engine, "BE", "Belgium")
    engine.send(sms("belgium", 2), sms("be", 3))
    engine.refresh()
    assert [(share.key, share.label, share.used) for share in engine.reading("sms_credits").shares] == [
        ("be", "Belgium", 10), ("nl", "nl", 1)
    ]  # fmt: skip
    assert wrong(lambda: rename(engine, "be", "NL")) == [("ENTITY_EXISTS", "name")]
    assert wrong(lambda: rename(engine, "fr", "France")) == [("UNKNOWN_ENTITY", "entity")]
    assert wrong(lambda: rename(engine, "be", " ")) == [("BAD_INPUT", "name")]
    rename(engine, "belgium", "be")
    engine.refresh()
    assert engine.reading("sms_credits").shares[0].label == "be"
    close(engine, "Belgium", into="nl")
    engine.send(sms("Belgium", 4))
    engine.refresh()
    assert shares(engine, "sms_credits") == {"be": 10, "nl": 5}
