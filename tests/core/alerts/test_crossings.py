"""A threshold alerts once for each period and limit in force, whatever comes in between."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from allowance import Limit, Reading
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from core.administration.inputs import AdminInput
from core.alerts.crossings import Crossing, MeterCrossings, record_crossings
from core.alerts.detection import detect_crossings, list_crossings
from core.alerts.tables import Alert
from core.consumption.readings.judging import judge_reading
from core.delivery.message_kinds import CROSSED, RECOVERED, REOPENED
from core.delivery.outbox.tables import Delivery, Message
from core.text import canonical
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

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


def platform(engine: Engine, key: str = "acme") -> set[str]:
    """The ratios that a platform holds to be crossed, which applies the messages by their times."""
    crossed: dict[str, bool] = {}
    with engine.database.read() as session:
        messages = session.exec(select(Message).where(Message.license_id == engine.id(key))).all()
    times = [message.occurred_at for message in messages]
    assert len({*times}) == len(times)
    for message in sorted(messages, key=lambda one: one.occurred_at):
        crossed |= {alert["ratio"]: message.kind != RECOVERED for alert in message.document["alerts"]}
    return {ratio for ratio, is_crossed in crossed.items() if is_crossed}


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


def test_a_level_that_dips_and_returns_alerts_once_and_reopens(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    for hour, value in enumerate([5, 6, 5, 7, 4, 6]):
        report(engine, value, NOW + timedelta(hours=hour))
    kinds = [CROSSED, RECOVERED, REOPENED, RECOVERED, REOPENED]
    assert told(engine) == [(kind, [("forms", "1")]) for kind in kinds]
    [alert] = alerts(engine)
    assert (alert.crossed_at, alert.recovered_at) == (NOW + timedelta(hours=1), None)


def test_a_limit_that_changed_so_that_it_is_crossed_anew_alerts_anew(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    report(engine, 8, NOW)
    for hour, limit in enumerate([10, 7, 5], start=1):
        engine.contract("acme", {"forms": limit}, effective_from=NOW.date(), now=NOW)
        engine.refresh(now=NOW + timedelta(hours=hour))
    kinds = [CROSSED, RECOVERED, CROSSED, REOPENED]  # of the limits 5, 5, 7 and 5
    assert told(engine) == [(kind, [("forms", "1")]) for kind in kinds]
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
            if re.search(r"\b(alert|message|delivery|license_admin)\b", statement):
                asked.append(statement)

        sa.event.listen(engine.database.engine, "before_cursor_execute", note)
        engine.refresh(*keys)
        sa.event.remove(engine.database.engine, "before_cursor_execute", note)
        return len(asked)

    assert statements(1) == statements(30) == 6


def test_what_returns_over_its_threshold_is_open_again_and_is_told_to_platforms_alone(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, admins=[AdminInput("ann@example.com", None, None)])
    for hour, value in enumerate([6, 5, 7]):
        report(engine, value, NOW + timedelta(hours=hour))
    [alert] = alerts(engine)
    assert (alert.crossed_at, alert.recovered_at) == (NOW, None)
    report(engine, 4, NOW + timedelta(hours=3))
    [alert] = alerts(engine)
    assert alert.recovered_at == NOW + timedelta(hours=3)
    assert told(engine) == [(kind, [("forms", "1")]) for kind in (CROSSED, RECOVERED, REOPENED, RECOVERED)]
    assert recipients(engine) == [("email", "ann@example.com")]


def test_a_higher_ratio_at_risk_alerts_and_what_the_lower_one_found_stays_open_while_it_is_crossed(
    engine: Engine,
) -> None:
    engine.license(terms={"forms": 100}, at_risk={"forms": "0.7"})
    report(engine, 85, NOW)
    engine.contract("acme", {"forms": 100}, at_risk={"forms": "0.8"}, effective_from=NOW.date(), now=NOW)
    for hour, value in enumerate([85, 101, 75, 65], start=1):
        report(engine, value, NOW + timedelta(hours=hour))
    assert told(engine) == [
        (CROSSED, [("forms", "0.7")]),
        (CROSSED, [("forms", "0.8")]),
        (CROSSED, [("forms", "1")]),
        (RECOVERED, [("forms", "0.8"), ("forms", "1")]),
        (RECOVERED, [("forms", "0.7")]),
    ]


def test_a_ratio_that_a_meter_adds_below_what_is_used_alerts(engine: Engine) -> None:
    license_id = engine.license(terms=INTERACTIONS)
    loaded = engine.loaded()
    contract = loaded.contract_on(loaded.today)
    meter = engine.runtime.registry.meters["interactions"]
    updated = replace(meter, notices=(Decimal("0.5"),))
    before, reading = (
        judge_reading(one, contract, Reading(used=60, limit=Limit(100, "")), None, at)
        for one, at in ((meter, NOW), (updated, NOW + DAY))
    )
    assert detect_crossings(contract, before, None) is None
    crossed = detect_crossings(contract, reading, None)
    assert crossed
    measured = list_crossings(license_id, updated, contract, reading._replace(crossed=crossed))
    assert [one.ratio for one in measured.crossings] == [Decimal("0.5")]
    assert detect_crossings(contract, reading, crossed) == crossed  # unchanged, so that nothing is recorded


def test_further_ratios_of_a_contract_alert_and_change_no_status(engine: Engine) -> None:
    engine.license(terms={"forms": 10}, alert_at={"forms": ["1.2", "0.5", "0.75"]})
    for hour, value in enumerate([4, 5, 8, 10, 11, 12, 4]):
        report(engine, value, NOW + timedelta(hours=hour))
    assert told(engine) == [
        (CROSSED, [("forms", "0.5")]),
        (CROSSED, [("forms", "0.75")]),
        (CROSSED, [("forms", "1")]),
        (CROSSED, [("forms", "1.2")]),
        (RECOVERED, [("forms", "0.5"), ("forms", "0.75"), ("forms", "1"), ("forms", "1.2")]),
    ]
    assert [one.status for one in alerts(engine)] == ["OK", "OK", "EXCEEDED", "EXCEEDED"]


def test_a_ratio_that_a_contract_adds_below_what_is_used_alerts_and_one_that_it_drops_stays_open(
    engine: Engine,
) -> None:
    engine.license(terms={"forms": 10}, alert_at={"forms": ["0.3"]})
    report(engine, 6, NOW)
    for hour, ratios in enumerate([["0.5"], []], start=1):
        engine.contract("acme", {"forms": 10}, alert_at={"forms": ratios}, effective_from=NOW.date(), now=NOW)
        engine.refresh(now=NOW + timedelta(hours=hour))
    assert told(engine) == [(CROSSED, [("forms", "0.3")]), (CROSSED, [("forms", "0.5")])]
    assert [one.recovered_at for one in alerts(engine)] == [None, None]
    report(engine, 4, NOW + timedelta(hours=3))
    assert told(engine)[2:] == [(RECOVERED, [("forms", "0.5")])]


def test_an_alert_of_an_earlier_period_is_over_and_a_later_recovery_is_told_once(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, billing_period="P1M")
    report(engine, 6, NOW)
    turn = NOW + timedelta(days=31)
    engine.refresh(now=turn)
    assert [one.recovered_at for one in alerts(engine)] == [turn, None]
    report(engine, 4, turn + DAY)
    assert told(engine) == [(CROSSED, [("forms", "1")]), (CROSSED, [("forms", "1")]), (RECOVERED, [("forms", "1")])]


def test_a_recovery_is_told_also_where_the_alert_that_is_open_again_had_one_before(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    for hour, (limit, value) in enumerate([(5, 6), (5, 4), (3, 4), (5, 6), (5, 1), (5, 6), (5, 1)]):
        now = NOW + timedelta(hours=hour)
        engine.contract("acme", {"forms": limit}, effective_from=NOW.date(), now=now)
        report(engine, value, now)
    kinds = [CROSSED, RECOVERED, CROSSED, REOPENED, RECOVERED, REOPENED, RECOVERED]
    assert told(engine) == [(kind, [("forms", "1")]) for kind in kinds]
    assert {(one.limit, one.recovery_notified) for one in alerts(engine)} == {(5, True), (3, True)}


def test_a_recovery_is_told_where_a_new_limit_has_no_such_threshold(engine: Engine) -> None:
    engine.license(terms={"forms": 10}, alert_at={"forms": ["0.5"]})
    report(engine, 6, NOW)
    later = NOW + timedelta(hours=1)
    engine.contract("acme", {"forms": 8}, effective_from=NOW.date(), now=later)
    engine.refresh(now=later)
    assert told(engine) == [(CROSSED, [("forms", "0.5")]), (RECOVERED, [("forms", "0.5")])]


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**50)


@given(NUMBERS, st.integers(0, 30))
def test_a_number_is_the_same_number_in_the_same_digits_however_it_was_written(number: Decimal, zeros: int) -> None:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    longer = Decimal((sign, (*digits, *[0] * zeros), exponent - zeros))
    assert canonical(number) == number
    assert str(canonical(longer)) == str(canonical(number))


def test_numbers_of_any_length_are_recorded(engine: Engine) -> None:
    license_id = engine.license(admins=[AdminInput("ann@example.com", None, None)])
    used, limit = Decimal(10**50), Decimal("9" * 50 + ".000000001")
    crossing = Crossing(
        license_id, "forms", date(2026, 1, 1), date(2027, 1, 1), Decimal(1), limit, "a lot", 1, used, "EXCEEDED", NOW
    )
    with engine.database.write() as session:
        record_crossings(session, [MeterCrossings(license_id, "forms", (crossing,))], NOW)
    [alert] = alerts(engine)
    assert (alert.used, alert.limit) == (used, limit)


@dataclass
class Model:
    """What is to be recorded, said plainly.

    Each (ratio, period, limit) once, open while that period and limit are in force and it is crossed, also when the
    ratio is none of the contract's any more. Of a ratio that was told crossed it is told once that it is not any more,
    when none of its alerts is open, and it is told when one opens again after that.
    """

    known: dict[tuple[str, date, int], bool] = field(default_factory=dict)
    """Whether each is open."""
    recovered: set[tuple[str, date, int]] = field(default_factory=set)
    """Those whose recovery was told."""
    blocked: set[str] = field(default_factory=set)
    """What a platform that goes by the messages holds to be crossed."""
    messages: list[tuple[str, set[str]]] = field(default_factory=list)

    def refresh(self, value: int, limit: int, first: date, at_risk: str, alert_at: Sequence[str]) -> None:
        alerting = {at_risk, "1", *alert_at}

        def is_crossed(ratio: str) -> bool:
            return value > limit if ratio == "1" else 0 < value >= Decimal(ratio) * limit

        reopened = set()
        for key, is_open in self.known.items():
            counts = is_open or key[0] in alerting
            self.known[key] = key[1:] == (first, limit) and is_crossed(key[0]) and counts
            if self.known[key] and key in self.recovered:
                self.recovered.remove(key)
                reopened.add(key[0])
        new = {ratio for ratio in alerting if is_crossed(ratio) and (ratio, first, limit) not in self.known}
        self.known |= {(ratio, first, limit): True for ratio in new}
        self.blocked |= new | reopened
        recovered = self.blocked - {key[0] for key, is_open in self.known.items() if is_open}
        self.blocked -= recovered
        self.recovered |= {key for key in self.known if key[0] in recovered}
        if new:
            self.messages.append((CROSSED, new))
        if reopened:
            self.messages.append((REOPENED, reopened))
        if recovered:
            self.messages.append((RECOVERED, recovered))


FURTHER: Sequence[Sequence[str]] = [(), ("0.5", "0.75"), ("0.8", "1.2"), ("0.5", "1", "1.2")]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(0, 14)),
        st.tuples(st.just("limit"), st.sampled_from([5, 8, 10])),
        st.tuples(st.just("at_risk"), st.sampled_from([6, 8, 9])),
        st.tuples(st.just("alert_at"), st.integers(0, 3)),
        st.tuples(st.just("refresh"), st.just(0)),
        st.tuples(st.just("month"), st.just(1)),
    ),
    max_size=10,
)


@examples(15)
@given(STEPS)
def test_any_sequence_of_reports_contracts_and_turns_is_as_the_model_says(
    engine: Engine, steps: list[tuple[str, int]]
) -> None:
    key, model, now = new_key(), Model(), NOW
    engine.license(key, terms={"forms": 10}, at_risk={"forms": "0.8"}, billing_period="P1M")
    value, limit, at_risk, alert_at = 0, 10, "0.8", FURTHER[0]
    for kind, number in [("report", 0), *steps]:
        now += timedelta(minutes=1)
        match kind:
            case "report":
                value = number
                engine.send(usage_event("forms.level", key, now, value=value), now=now)
            case "limit":
                limit = number
            case "at_risk":
                at_risk = f"0.{number}"
            case "alert_at":
                alert_at = FURTHER[number]
            case "month":
                now += timedelta(days=31)
        if kind in ("limit", "at_risk", "alert_at"):
            terms: dict[str, Any] = {"at_risk": {"forms": at_risk}, "alert_at": {"forms": alert_at}}
            terms["billing_period"] = "P1M"
            engine.contract(key, {"forms": limit}, effective_from=now.date(), now=now, **terms)
        engine.refresh(key, now=now)
        model.refresh(value, limit, now.replace(day=1).date(), at_risk, alert_at)
    assert [(kind, {alert for _, alert in listed}) for kind, listed in told(engine, key)] == model.messages
    assert all(len(listed) == len(set(listed)) for _, listed in told(engine, key))
    found = {
        (str(one.ratio), one.period_first, int(one.limit)): one.recovered_at is None for one in alerts(engine, key)
    }
    assert found == model.known
    assert platform(engine, key) == model.blocked


@examples(15)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-60, 60)), max_size=12))
def test_platform_is_right_whatever_the_clocks_of_workers_say(engine: Engine, steps: list[tuple[int, int]]) -> None:
    key, moment = new_key(), NOW
    engine.license(key, terms={"forms": 5}, at_risk={"forms": "0.8"})
    for value, ahead in steps:
        moment += timedelta(seconds=1)
        engine.send(usage_event("forms.level", key, moment, value=value), now=moment)
        engine.refresh(key, now=moment + timedelta(seconds=ahead))
        measured = engine.reading("forms", key).used
        is_open = {str(one.ratio) for one in alerts(engine, key) if one.recovered_at is None}
        assert platform(engine, key) == is_open
        if measured is not None:
            assert is_open == {ratio for ratio, at in (("0.8", 4), ("1", 5.5)) if measured >= at}
    assert all(one.recovered_at is None or one.recovered_at >= one.found_at for one in alerts(engine, key))
