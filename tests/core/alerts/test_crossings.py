"""A threshold alerts once for each period and limit in force, whatever comes in between."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from core.alerts.kinds import CROSSED, RECOVERED
from core.alerts.tables import Alert, Delivery, Message
from core.licenses.inputs import AdminInput
from tests.fixtures.engine import NOW, Engine, new_key, usage_event

DAY = timedelta(days=1)
INTERACTIONS = {"profiles": 10, "interactions_per_profile": 10}
"""A hundred of them."""


def alerts(engine: Engine, key: str = "acme") -> Sequence[Alert]:
    with engine.database.read() as session:
        found = select(Alert).where(Alert.license_id == engine.id(key))
        return session.exec(found.order_by(col(Alert.crossed_at), col(Alert.meter), col(Alert.ratio))).all()


def told(engine: Engine, key: str = "acme") -> list[tuple[str, list[tuple[str, str]]]]:
    """Each message: its kind, and the meters and ratios that it lists."""
    with engine.database.read() as session:
        found = (
            select(Message)
            .where(Message.license_id == engine.id(key))
            .order_by(col(Message.occurred_at), col(Message.kind))
        )
        return [
            (one.kind, [(alert["meter"], alert["ratio"]) for alert in one.document["alerts"]])
            for one in session.exec(found)
        ]


def recipients(engine: Engine) -> list[tuple[str, str]]:
    with engine.database.read() as session:
        return sorted((one.channel, one.recipient) for one in session.exec(select(Delivery)))


def report(engine: Engine, value: int, now: datetime, key: str = "acme") -> None:
    """Let the forms of a license stand at a number, and refresh it."""
    engine.send(usage_event("forms.level", key, now, value=value), now=now)
    engine.refresh(key, now=now)


def test_a_crossing_is_recorded_with_what_its_ratio_is_of(engine: Engine) -> None:
    engine.license(terms=INTERACTIONS)
    engine.send(usage_event("interaction.sent", quantity=85))
    engine.refresh()
    [alert] = alerts(engine)
    assert (alert.meter, alert.status, alert.ratio, alert.limit, alert.used) == (
        "interactions",
        "AT_RISK",
        Decimal("0.8"),
        100,
        85,
    )
    assert (alert.basis, alert.contract_version) == ("10 profiles × 10 interactions per profile", 1)
    assert (alert.period_first, alert.period_end) == (date(2026, 1, 1), date(2027, 1, 1))
    assert (alert.crossed_at, alert.recovered_at) == (NOW, None)


def test_several_thresholds_crossed_at_once_are_one_message_to_every_admin(engine: Engine) -> None:
    admins = [AdminInput("ann@example.com", None, "en"), AdminInput("bob@example.com", None, "fr")]
    engine.license(terms={**INTERACTIONS, "forms": 5}, admins=admins)
    engine.send(usage_event("interaction.sent", quantity=101), usage_event("forms.level", value=6))
    engine.refresh()
    assert told(engine) == [(CROSSED, [("forms", "1"), ("interactions", "0.8"), ("interactions", "1")])]
    assert recipients(engine) == [("email", "ann@example.com"), ("email", "bob@example.com")]


def test_a_level_that_dips_and_returns_alerts_once_and_its_recovery_is_told(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    for hour, value in enumerate([5, 6, 5, 7, 4, 6]):
        report(engine, value, NOW + timedelta(hours=hour))
    assert told(engine) == [(CROSSED, [("forms", "1")]), (RECOVERED, [("forms", "1")])]
    [alert] = alerts(engine)
    assert (alert.crossed_at, alert.recovered_at) == (NOW + timedelta(hours=1), NOW + timedelta(hours=2))


def test_a_limit_that_changed_so_that_it_is_crossed_anew_alerts_anew(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    report(engine, 8, NOW)
    for hour, limit in enumerate([10, 7, 5], start=1):
        engine.contract("acme", {"forms": limit}, effective_from=NOW.date(), now=NOW)
        engine.refresh(now=NOW + timedelta(hours=hour))
    assert told(engine) == [(CROSSED, [("forms", "1")]), (RECOVERED, [("forms", "1")]), (CROSSED, [("forms", "1")])]
    assert [(one.limit, one.contract_version) for one in alerts(engine)] == [(5, 1), (7, 3)]


def test_a_new_period_alerts_anew(engine: Engine) -> None:
    engine.license(terms={**INTERACTIONS, "forms": 5}, billing_period="P1M")
    engine.send(usage_event("interaction.sent", quantity=101), usage_event("forms.level", value=6))
    engine.refresh()
    engine.refresh(now=NOW + timedelta(days=31))
    assert told(engine)[1:] == [
        (CROSSED, [("forms", "1")]),
        (RECOVERED, [("interactions", "0.8"), ("interactions", "1")]),
    ]


def test_refreshes_at_the_same_time_record_one_alert(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, admins=[AdminInput("ann@example.com", None, None)])
    engine.send(usage_event("forms.level", value=6))
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda second: engine.refresh(now=NOW + timedelta(seconds=second)), range(12)))
    assert len(alerts(engine)) == 1
    assert told(engine) == [(CROSSED, [("forms", "1")])]
    assert recipients(engine) == [("email", "ann@example.com")]


def test_the_number_of_statements_does_not_depend_on_how_many_cross(engine: Engine) -> None:
    def statements(licenses: int) -> int:
        keys = [new_key() for _ in range(licenses)]
        for key in keys:
            engine.license(key, terms={**INTERACTIONS, "forms": 5}, admins=[AdminInput("a@example.com", None, None)])
            engine.send(usage_event("forms.level", key, value=6), usage_event("interaction.sent", key, quantity=101))
        engine.refresh(*keys, now=NOW - DAY)
        asked: list[str] = []

        def note(_: object, __: object, statement: str, *rest: object) -> None:
            if any(table in statement for table in ("alert", "message", "delivery", "license_admin")):
                asked.append(statement)

        sa.event.listen(engine.database.engine, "before_cursor_execute", note)
        engine.refresh(*keys)
        sa.event.remove(engine.database.engine, "before_cursor_execute", note)
        return len(asked)

    assert statements(1) == statements(30) == 5


@dataclass
class Model:
    """What is to be recorded, said plainly: each (meter's ratio, period, limit) once, open until it is found below."""

    known: dict[tuple[str, date, int], bool] = field(default_factory=dict)
    messages: list[tuple[str, set[str]]] = field(default_factory=list)

    def refresh(self, value: int, limit: int, first: date) -> None:
        over = {"1"} if value > limit else set()
        at_risk = {"0.8"} if over or (value and value * 10 >= limit * 8) else set()
        crossed = over | at_risk
        new = {ratio for ratio in crossed if (ratio, first, limit) not in self.known}
        for ratio in new:
            self.known[ratio, first, limit] = True
        recovered = {key for key, is_open in self.known.items() if is_open and key[0] not in crossed}
        for key in recovered:
            self.known[key] = False
        if new:
            self.messages.append((CROSSED, new))
        if recovered:
            self.messages.append((RECOVERED, {ratio for ratio, _, _ in recovered}))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(0, 14)),
        st.tuples(st.just("limit"), st.sampled_from([5, 8, 10])),
        st.tuples(st.just("refresh"), st.just(0)),
        st.tuples(st.just("month"), st.just(1)),
    ),
    max_size=10,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_sequence_of_reports_contracts_and_turns_is_as_the_model_says(
    engine: Engine, steps: list[tuple[str, int]]
) -> None:
    key, model, now = new_key(), Model(), NOW
    terms: dict[str, Any] = {"at_risk": {"forms": "0.8"}, "billing_period": "P1M"}
    engine.license(key, terms={"forms": 10}, **terms)
    value, limit = 0, 10
    for kind, number in [("report", 0), *steps]:
        now += timedelta(minutes=1)
        match kind:
            case "report":
                value = number
                engine.send(usage_event("forms.level", key, now, value=value), now=now)
            case "limit":
                limit = number
                engine.contract(key, {"forms": limit}, effective_from=now.date(), now=now, **terms)
            case "month":
                now += timedelta(days=31)
        engine.refresh(key, now=now)
        model.refresh(value, limit, now.replace(day=1).date())
    assert [(kind, {alert for _, alert in listed}) for kind, listed in told(engine, key)] == model.messages
    found = {
        (str(one.ratio), one.period_first, int(one.limit)): one.recovered_at is None for one in alerts(engine, key)
    }
    assert found == model.known
