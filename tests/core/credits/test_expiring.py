"""Credits that expire are told of in time, once, and only while any are left."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlmodel import col, select

from core.administration.inputs import AdminInput
from core.delivery.outbox.tables import Delivery, Message
from tests.fixtures.engine import NOW, Engine, counted_statements, new_key, usage_event
from tests.forms import examples

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def told(engine: Engine, key: str = "acme") -> list[list[tuple[str, str, int]]]:
    """Each message: the grants that it lists, what is left of them, and the number of days."""
    with engine.database.read() as session:
        found = select(Message).where(Message.license_id == engine.id(key), Message.kind == "credits.expiring")
        rows = session.exec(found.order_by(col(Message.occurred_at)))
        return [[(one["id"], one["left"], one["days"]) for one in row.document["grants"]] for row in rows]


def refresh(engine: Engine, *days: float, key: str = "acme") -> None:
    """Refresh so many days after NOW, one after the other."""
    for number in days:
        engine.refresh(key, now=NOW + number * DAY)


def test_people_are_told_thirty_and_seven_days_before_and_once_each(engine: Engine) -> None:
    engine.license(admins=[AdminInput("ann@example.com", None, "en")])
    engine.grant("acme", "g", 10, expires_at=NOW + 40 * DAY)
    engine.refresh(now=NOW + 10 * DAY - SECOND)
    assert told(engine) == []
    refresh(engine, 10, 10.5, 20, 32.9)
    assert told(engine) == [[("g", "10", 30)]]
    refresh(engine, 33, 34, 39.9)
    assert told(engine) == [[("g", "10", 30)], [("g", "10", 7)]]
    with engine.database.read() as session:
        assert [(one.channel, one.recipient) for one in session.exec(select(Delivery))] == [
            ("email", "ann@example.com")
        ] * 2
    refresh(engine, 40, 41)
    assert len(told(engine)) == 2


def test_the_next_refresh_is_due_when_people_are_to_be_told(engine: Engine) -> None:
    engine.license()
    expires = NOW + 30 * DAY + 3 * HOUR
    engine.grant("acme", "g", 10, expires_at=expires)
    engine.refresh()
    assert engine.snapshot().readings["sms_credits"]["due_at"] == (expires - 30 * DAY).isoformat()
    engine.refresh(now=expires - 30 * DAY)
    assert told(engine) == [[("g", "10", 30)]]


def test_a_grant_with_less_than_a_week_to_go_is_told_once(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "g", 10, expires_at=NOW + 5 * DAY)
    refresh(engine, 0, 1, 4)
    assert told(engine) == [[("g", "10", 7)]]


def test_nothing_is_told_of_what_is_used_up_or_never_expires(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "soon", 4, expires_at=NOW + 5 * DAY)
    engine.grant("acme", "later", 10, expires_at=NOW + 20 * DAY)
    engine.grant("acme", "never", 10)
    engine.send(usage_event("sms.sent", quantity=6))
    refresh(engine, 0)
    assert told(engine) == [[("later", "8", 30)]]


def test_all_that_a_refresh_finds_is_one_message_soonest_first(engine: Engine) -> None:
    engine.license()
    for number, name in enumerate(["b", "a", "c"], start=1):
        engine.grant("acme", name, number, expires_at=NOW + number * 4 * DAY)
    refresh(engine, 0)
    assert told(engine) == [[("b", "1", 7), ("a", "2", 30), ("c", "3", 30)]]


@pytest.mark.parametrize(("days", "expected"), [((), []), ((60, 1), [60, 1]), ((1,), [1])])
def test_a_contract_says_when_people_are_told(engine: Engine, days: tuple[int, ...], expected: list[int]) -> None:
    engine.license(terms={}, expiry_notice_days=days)
    engine.grant("acme", "g", 10, expires_at=NOW + 50 * DAY)
    refresh(engine, 0, 20, 43, 49)
    assert [listed[0][2] for listed in told(engine)] == expected


def test_refreshes_at_the_same_time_tell_once(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "g", 10, expires_at=NOW + 5 * DAY)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda second: engine.refresh(now=NOW + second * SECOND), range(12)))
    assert told(engine) == [[("g", "10", 7)]]


def test_licenses_without_grants_cost_no_statement_and_many_with_them_as_many_as_one(engine: Engine) -> None:
    def statements(licenses: int, grants: int) -> int:
        keys = [new_key() for _ in range(licenses)]
        for key in keys:
            engine.license(key, admins=[AdminInput("a@example.com", None, None)])
            for number in range(grants):
                engine.grant(key, f"g{number}", 10, expires_at=NOW + 5 * DAY)
        with counted_statements(engine.database) as sent:
            engine.refresh(*keys)
        tables = re.compile(r"\b(credit_notice|message|delivery|license_admin)\b")
        return sum(bool(tables.search(statement)) for statement in sent)

    assert statements(1, 0) == statements(20, 0) == 0
    # The notices, where they go, the messages, the deliveries.
    assert statements(1, 1) == statements(20, 3) == 4


@dataclass
class Model:
    """At each refresh the nearest number of days that is reached is told of, unless it or a nearer one was before."""

    told: list[list[tuple[str, str, int]]] = field(default_factory=list)
    nearest: dict[str, int] = field(default_factory=dict)

    def refresh(self, now: datetime, days: Sequence[int], left: dict[str, tuple[datetime, int]]) -> None:
        new = []
        for name, (expires, amount) in sorted(left.items(), key=lambda item: (item[1][0], item[0])):
            reached = min((one for one in days if now < expires <= now + one * DAY), default=None)
            if amount and reached is not None and reached < self.nearest.get(name, 10_000):
                self.nearest[name] = reached
                new.append((name, str(amount), reached))
        if new:
            self.told.append(new)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 24 * 12)),
        st.tuples(st.just("grant"), st.integers(1, 24 * 45)),
        st.tuples(st.just("days"), st.integers(0, 4)),
        st.tuples(st.just("spend"), st.integers(1, 8)),
    ),
    max_size=9,
)
DAYS: Sequence[tuple[int, ...]] = [(30, 7), (), (14,), (30, 20, 10, 1), (3, 2)]


@examples(15)
@given(STEPS)
@example([("grant", 1), ("wait", 24 * 23), ("days", 4), ("spend", 8)])
def test_any_sequence_of_grants_contracts_and_spending_is_told_as_the_model_says(
    engine: Engine, steps: list[tuple[str, int]]
) -> None:
    key, model, hours, days, now = new_key(), Model(), 0, DAYS[0], NOW
    engine.license(key, terms={})
    expires: dict[str, datetime] = {}
    for number, (kind, value) in enumerate([("grant", 24 * 30), *steps]):
        match kind:
            case "wait":
                hours += value
            case "days":
                days = DAYS[value]
            case "grant":
                expires[f"g{number}"] = NOW + (hours + value) * HOUR
        now = NOW + hours * HOUR + number * timedelta(milliseconds=1)
        rest: dict[str, Any] = {"now": now}
        if kind == "grant":
            engine.grant(key, f"g{number}", 5, expires_at=expires[f"g{number}"], **rest)
        elif kind == "days":
            engine.contract(key, {}, expiry_notice_days=days, effective_from=now.date(), **rest)
        elif kind == "spend":
            engine.send(usage_event("sms.sent", key, now, quantity=value), **rest)
        engine.refresh(key, **rest)
        burnt = engine.reading("sms_credits", key).grants
        left = {name: (until, int(burnt.get(name, 0))) for name, until in expires.items()}
        model.refresh(now, days, left)
    assert told(engine, key) == model.told
