"""The parts of an explanation add up to the reading, exactly, and name the events behind it."""

from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from allowance import Counter as CounterMeter
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from core.administration.close_entity import close_entity
from core.administration.correct_usage import correct_usage
from core.administration.inputs import ClosingInput, CorrectionInput
from core.admission.check_in import CheckInRequest
from core.consumption.view import ReadingView
from core.explaining.explanation import ReadingExplanation, explain_reading
from core.explaining.parts import FigurePart, NewestEvent, PartReason, sum_of
from core.usage.tables import LedgerEvent, UsageSeries
from tests.core.explaining.worlds import World, bring_in, worlds
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event
from tests.forms import examples

DAY = timedelta(days=1)
TODAY = NOW.date()
USAGE, OTHER = PartReason.USAGE, PartReason.OTHER_USAGE


def view_of(engine: Engine, meter: str, key: str = "acme", now: datetime = NOW) -> ReadingView:
    views = (view for section in engine.view(key, now).sections for view in section.readings)
    return next(view for view in views if view.meter.key == meter)


def explain(engine: Engine, view: ReadingView, now: datetime = NOW, most: int = 1000) -> ReadingExplanation:
    with engine.database.read() as session:
        found = explain_reading(session, view, engine.runtime.registry, now, most)
    assert found is not None
    return found


def explained(engine: Engine, meter: str, now: datetime = NOW, most: int = 1000) -> ReadingExplanation:
    return explain(engine, view_of(engine, meter, now=now), now, most)


def short(part: FigurePart) -> tuple[Any, ...]:
    return part.reason, part.amount, part.day, part.entity


@examples(20)
@given(worlds(), st.sampled_from([1, 3, 1000]))
def test_the_parts_of_every_kind_add_up_to_the_reading(engine: Engine, world: World, most: int) -> None:
    bring_in(engine, world)
    now = world.stream.now
    for key in world.keys:
        for section in engine.view(key, now).sections:
            for view in section.readings:
                found = explain(engine, view, now, most)
                assert sum_of(found.parts) == (view.reading.used or 0)
                assert all(part.reason is not PartReason.SINCE_REFRESH for part in found.parts)
                if found.divisor is not None:
                    assert sum_of(found.divisor.parts) == found.divisor.total
        for view in (view for section in engine.past(engine.loaded(key, now).today - 3 * DAY, key, now).sections
                     for view in section.readings):  # fmt: skip
            assert sum_of(explain(engine, view, now, most).parts) == (view.reading.used or 0)


@examples(20)
@given(worlds())
def test_the_events_behind_a_counter_are_those_of_the_ledger(engine: Engine, world: World) -> None:
    bring_in(engine, world)
    now = world.stream.now
    for key in world.keys:
        license = engine.loaded(key, now)
        view = view_of(engine, "interactions", key, now)
        found = explain(engine, view, now)
        assert view.reading.period is not None
        first, zone = view.reading.period.first, ZoneInfo(license.license.time_zone)
        with engine.database.read() as session:
            joined = select(LedgerEvent, UsageSeries).join(UsageSeries, UsageSeries.id == LedgerEvent.series_id)  # type: ignore[arg-type]
            rows = [
                (event, series)
                for event, series in session.exec(joined.where(LedgerEvent.license_id == license.id))
                if series.event == "interaction.sent" and first <= event.day <= license.today
            ]
        times = Counter((event.day, series.entity or None) for event, series in rows)
        parts = [part for part in found.parts if part.reason is USAGE]
        assert sum(part.events or 0 for part in parts) == times.total()
        for part in parts:
            assert part.events is not None
            if part.last_event is None:
                assert world.time_zone or any(factor is None for _, factor in world.corrections)
                continue
            newest = max(
                event.time
                for event, series in rows
                if (event.day, series.entity or None) == (part.day, part.entity)
                and (part.last_event.source, part.last_event.id) in {(event.source, event.id)}
            )
            assert (part.last_event.time, part.last_event.counted_at) == (newest, now)
        if world.time_zone is None:
            sent = Counter(
                (event["source"], event["id"])
                for event in world.stream.sent
                if (event["license"], event["type"]) == (key, "interaction.sent")
                and first <= event["time"].astimezone(zone).date() <= license.today
            )
            assert found.duplicates == sent.total() - len(sent)
            assert found.late == sum(event.day < license.today for event, _ in rows)


@pytest.fixture
def acme(engine: Engine) -> Engine:
    engine.license("acme", "Europe/Brussels", {"profiles": 100, "interactions_per_profile": 12, "retention_months": 24})
    return engine


def test_a_counter_is_explained_by_day_and_series_with_the_newest_events(acme: Engine) -> None:
    first = usage_event("interaction.sent", time=NOW - 2 * DAY, quantity=5, id="a", dimensions={"channel": "print"})
    for event in (
        first,
        usage_event("interaction.sent", time=NOW - 2 * DAY + timedelta(hours=1), quantity=7, id="b", entity="be"),
        usage_event("interaction.sent", time=NOW - 2 * DAY - timedelta(hours=1), quantity=1, id="c", entity="be"),
        usage_event("interaction.sent", time=NOW, quantity=30, id="d"),
    ):
        acme.send(event)
    assert acme.send(first, first, now=NOW + timedelta(seconds=5)).duplicates == 2
    acme.refresh()
    found = explained(acme, "interactions")
    ago, noted = TODAY - 2 * DAY, NOW - 2 * DAY + timedelta(hours=1)
    today, print_, be = sorted(found.parts, key=lambda part: (part.day != TODAY, part.entity or ""))
    assert today == FigurePart(USAGE, Decimal(30), TODAY, None, {}, 1, NewestEvent("/test", "d", NOW, NOW))
    assert print_ == FigurePart(
        USAGE, Decimal(5), ago, None, {"channel": "print"}, 1, NewestEvent("/test", "a", NOW - 2 * DAY, NOW)
    )
    assert be == FigurePart(USAGE, Decimal(8), ago, "be", {}, 2, NewestEvent("/test", "b", noted, NOW))
    assert (found.duplicates, found.late, found.ledger_since) == (2, 3, None)
    assert found.limit is not None
    assert (found.limit.version, found.limit.effective_from) == (1, date(2026, 1, 1))
    assert found.limit.formula == "100 profiles × 12 interactions per profile"
    assert found.limit.terms == {"profiles": 100, "interactions_per_profile": 12}


def test_older_parts_are_one_part(acme: Engine) -> None:
    for ago in range(5):
        acme.send(usage_event("interaction.sent", time=NOW - ago * DAY, quantity=10 + ago))
        acme.send(usage_event("forms.level", time=NOW, value=10 + ago, entity=f"e{ago}"))
    acme.refresh()
    found = explained(acme, "interactions", most=2)
    assert [(*short(part), part.events) for part in found.parts] == [
        (USAGE, 10, TODAY, None, 1),
        (USAGE, 11, TODAY - DAY, None, 1),
        (OTHER, 39, None, None, 3),
    ]
    assert [short(part) for part in explained(acme, "forms", most=2).parts] == [
        (USAGE, 14, TODAY, "e4"),
        (USAGE, 13, TODAY, "e3"),
        (OTHER, 33, None, None),
    ]


def test_what_was_counted_since_the_refresh_is_taken_away(acme: Engine) -> None:
    acme.send(usage_event("interaction.sent", quantity=5), usage_event("forms.level", value=3))
    acme.refresh()
    acme.send(usage_event("interaction.sent", quantity=2), usage_event("forms.level", value=1, time=NOW + timedelta(0)))
    assert [short(part) for part in explained(acme, "interactions").parts] == [
        (USAGE, 7, TODAY, None),
        (PartReason.SINCE_REFRESH, -2, None, None),
    ]
    assert sum_of(explained(acme, "forms").parts) == 3


def test_a_sum_below_zero_counts_as_nothing(acme: Engine) -> None:
    acme.send(usage_event("interaction.sent", quantity=5))
    with acme.database.write() as session:
        given = CorrectionInput("c", "acme", "a test", "interaction.sent", Decimal(-8), NOW)
        correct_usage(session, given, acme.runtime.registry, acme.runtime.settings, "a test", NOW)
    acme.refresh()
    assert [short(part) for part in explained(acme, "interactions").parts] == [
        (USAGE, -3, TODAY, None),
        (PartReason.BELOW_ZERO, 3, None, None),
    ]


def test_the_newest_event_is_not_one_that_was_cancelled(acme: Engine) -> None:
    acme.send(usage_event("interaction.sent", quantity=5, id="a"))
    with acme.database.write() as session:
        given = CorrectionInput("c", "acme", "a test", cancels=("/test", "a"))
        correct_usage(session, given, acme.runtime.registry, acme.runtime.settings, "a test", NOW)
    acme.refresh()
    [part] = explained(acme, "interactions").parts
    assert (part.amount, part.events, part.last_event) == (0, 1, None)


def test_a_level_is_explained_by_its_newest_reports(acme: Engine) -> None:
    for ago, entity, value in ((3, "be", 7), (1, "be", 8), (2, "nl", 2), (2, "fr", 1)):
        acme.send(usage_event("profiles.level", time=NOW - ago * DAY, value=value, entity=entity, id=f"{entity}{ago}"))
    with acme.database.write() as session:
        close_entity(session, ClosingInput("acme", "fr", TODAY), "a test", NOW)
    acme.refresh()
    found = explained(acme, "profiles")
    assert [short(part) for part in found.parts] == [(USAGE, 8, TODAY - DAY, "be"), (USAGE, 2, TODAY - 2 * DAY, "nl")]
    newest = found.parts[0].last_event
    assert newest is not None
    assert (newest.source, newest.id, newest.time) == ("/test", "be1", NOW - DAY)
    assert timedelta(0) <= newest.counted_at - NOW < timedelta(seconds=1)
    assert (found.late, found.parts[0].events) == (2, None)


def test_credits_are_what_was_spent_less_what_expired_grants_paid(acme: Engine) -> None:
    acme.grant("acme", "old", 10, granted_at=NOW - 9 * DAY, expires_at=NOW - 4 * DAY)
    acme.grant("acme", "new", 20, granted_at=NOW - 3 * DAY)
    for ago, quantity in ((8, 6), (2, 5), (0, 1)):
        acme.send(usage_event("sms.sent", time=NOW - ago * DAY, quantity=quantity))
    acme.refresh()
    found = explained(acme, "sms_credits")
    assert [short(part) for part in found.parts] == [
        (USAGE, 1, TODAY, None),
        (USAGE, 5, TODAY - 2 * DAY, None),
        (USAGE, 6, TODAY - 8 * DAY, None),
        (PartReason.EXPIRED_GRANTS, -6, None, None),
    ]
    assert found.limit is None


def test_a_ratio_is_its_numerator_divided_with_the_rounding(acme: Engine) -> None:
    for ago in (0, 1):
        acme.send(usage_event("goal.triggered", time=NOW - ago * DAY, quantity=2))
    acme.send(usage_event("profiles.level", value=7, entity="be"))
    acme.refresh()
    found = explained(acme, "goal_interactions")
    assert acme.reading("goal_interactions").used == Decimal("0.571428571")
    assert [short(part) for part in found.parts] == [
        (USAGE, Decimal("0.285714286"), TODAY, None),
        (USAGE, Decimal("0.285714286"), TODAY - DAY, None),
        (PartReason.ROUNDING, Decimal("-1E-9"), None, None),
    ]
    assert found.divisor is not None
    assert [short(part) for part in found.divisor.parts] == [(USAGE, 7, TODAY, "be")]


@pytest.mark.usefixtures("clock")
def test_installations_are_explained_by_day(acme: Engine) -> None:
    acme.contract("acme", {"active_installations": 5}, effective_from=TODAY)
    for number in range(3):
        acme.runtime.admitter.check_in(CheckInRequest("acme", "active_installations", f"i{number}", "a key"))
    acme.refresh()
    found = explained(acme, "active_installations")
    assert found.parts == [FigurePart(USAGE, Decimal(3), TODAY)]
    assert found.limit is not None
    assert found.limit.terms == {"active_installations": 5}


@dataclass(frozen=True, kw_only=True)
class Doubled(CounterMeter):
    """A counter that measures in a way of its own."""


def test_a_measurement_of_a_plugins_own_is_one_part(acme: Engine) -> None:
    acme.send(usage_event("interaction.sent", quantity=5))
    acme.refresh()
    view = view_of(acme, "interactions")
    assert isinstance(view.meter, CounterMeter)
    own = Doubled(**{field.name: getattr(view.meter, field.name) for field in fields(view.meter)})
    assert explain(acme, replace(view, meter=own)).parts == [FigurePart(PartReason.OWN_MEASURE, Decimal(5))]


def test_a_term_has_no_parts_and_a_meter_that_nobody_measured_no_explanation(acme: Engine) -> None:
    with acme.database.read() as session:
        view = view_of(acme, "retention")
        assert explain_reading(session, view, acme.runtime.registry, NOW) is None
    acme.refresh()
    found = explained(acme, "retention")
    assert found.parts == ()
    assert found.limit is not None
    assert (found.limit.formula, found.limit.terms) == ("24 retention months", {"retention_months": 24})


def test_the_limit_of_a_contract_that_changed_since_is_not_explained(acme: Engine) -> None:
    acme.refresh()
    acme.contract("acme", {"profiles": 50, "interactions_per_profile": 12}, effective_from=TODAY)
    assert explained(acme, "interactions").limit is None
    acme.refresh()
    limit = explained(acme, "interactions").limit
    assert limit is not None
    assert (limit.version, limit.effective_from) == (2, TODAY)


def test_the_number_of_statements_is_fixed(acme: Engine) -> None:
    acme.grant("acme", "g", 1000, granted_at=datetime(2026, 1, 1, tzinfo=UTC))
    meters = ("interactions", "profiles", "sms_credits", "goal_interactions", "active_installations", "retention")

    def statements() -> list[int]:
        counts = []
        for meter in meters:
            view = view_of(acme, meter)
            with counted_statements(acme.database) as sent:
                explain(acme, view)
            counts.append(len(sent))
        return counts

    def send(days: int, entities: int) -> None:
        for ago in range(days):
            for number in range(entities):
                time, entity = NOW - ago * DAY, f"e{number}"
                acme.send(
                    usage_event("interaction.sent", time=time, entity=entity),
                    usage_event("sms.sent", time=time, entity=entity),
                    usage_event("goal.triggered", time=time, entity=entity),
                    usage_event("profiles.level", time=time, value=3, entity=entity),
                )

    send(2, 1)
    acme.refresh()
    few = statements()
    send(9, 4)
    acme.refresh()
    assert statements() == few
    assert max(few) <= 20
