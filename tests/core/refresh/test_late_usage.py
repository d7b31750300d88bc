"""Late usage: history is measured again, and the mark of late usage goes once that is saved."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from core.refresh.choose_meters import HISTORY
from core.refresh.refresh import plan_refresh
from tests.core.refresh.common import ALL, DAY, HOUR, INSTANT, SMALL, WEB, days_ago, end_of, late_marks, sent
from tests.core.refresh.held_up import HeldUp
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.fixtures.flaky import GOOD, TOO_LARGE


def test_late_usage_writes_history_again_from_its_day_on(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    for ago in (5, 4, 3, 2, 1):
        engine.send(sent(100, NOW - ago * DAY), now=NOW - ago * DAY)
        engine.refresh(now=NOW - ago * DAY)
    engine.refresh(now=NOW - HOUR)
    assert len(engine.points("interactions")) == 5 + 5 + 1

    engine.send(sent(350, NOW - 3 * DAY))
    engine.refresh()

    noon = [NOW - ago * DAY for ago in (5, 4)]
    ends = [end_of(days_ago(ago)) for ago in (5, 4, 3, 2, 1)]
    assert engine.points("interactions") == sorted([*noon, *ends, NOW - HOUR, NOW])
    assert engine.history("interactions") == [
        (ends[0], Decimal(100), "OK"),
        (ends[1], Decimal(200), "OK"),
        (ends[2], Decimal(650), "OK"),
        (ends[3], Decimal(750), "OK"),
        (ends[4], Decimal(850), "AT_RISK"),
        (NOW, Decimal(850), "AT_RISK"),
    ]


def test_late_levels_stand_until_the_next_report_of_their_own_time(engine: Engine) -> None:
    engine.license("acme", "UTC")
    engine.send(usage_event("forms.level", time=NOW - 5 * DAY, value=5), now=NOW - 5 * DAY)
    engine.refresh(now=NOW - 5 * DAY)
    engine.send(usage_event("forms.level", time=NOW - 2 * DAY, value=2), now=NOW - 2 * DAY)
    engine.refresh(now=NOW - HOUR)
    engine.send(usage_event("forms.level", time=NOW - 4 * DAY, value=4))
    engine.refresh()
    assert [(at, used) for at, used, _ in engine.history("forms")] == [
        (end_of(days_ago(5)), Decimal(5)),
        (end_of(days_ago(4)), Decimal(4)),
        (end_of(days_ago(3)), Decimal(4)),
        (end_of(days_ago(2)), Decimal(2)),
        (end_of(days_ago(1)), Decimal(2)),
        (NOW, Decimal(2)),
    ]


def test_late_usage_counts_from_then_on_also_where_contracts_with_other_periods_met(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL, effective_from=date(2025, 1, 1), starts_on=date(2025, 1, 1))
    engine.contract("acme", SMALL, effective_from=date(2026, 3, 12), starts_on=date(2026, 3, 1))
    engine.send(sent(1, NOW - 9 * DAY))
    engine.refresh()
    engine.send(sent(10, NOW - 5 * DAY))  # under the first contract, in the period of the second
    for hours in (1, 2, 30):
        engine.refresh(now=NOW + hours * HOUR)
        assert engine.reading("interactions").used == Decimal(11)


def test_a_section_alone_is_refreshed_with_all_others_where_usage_came_in_late(engine: Engine) -> None:
    engine.license(terms={})
    engine.send(sent(5, NOW - DAY), usage_event("forms.level", time=NOW - DAY, value=1))
    assert late_marks(engine) == {(engine.id(), days_ago(1))}
    engine.refresh(scope=WEB)
    assert engine.history("interactions") == [(end_of(days_ago(1)), Decimal(5), "OK"), (NOW, Decimal(5), "OK")]
    assert late_marks(engine) == set()


def test_late_usage_costs_a_meter_that_fails_none_of_its_history(flaky: Engine) -> None:
    flaky.license("acme", "UTC", GOOD)
    flaky.send(usage_event("flaky.happened", time=NOW - 3 * DAY, quantity=3), now=NOW - 3 * DAY)
    flaky.refresh(now=NOW - 3 * DAY)
    flaky.refresh(now=NOW - DAY)
    known = flaky.history("flaky")
    assert len(known) == 3

    flaky.contract("acme", TOO_LARGE, effective_from=days_ago(2), now=NOW - DAY)
    flaky.send(usage_event("forms.level", time=NOW - 3 * DAY, value=7))
    flaky.refresh()

    assert flaky.history("flaky")[:2] == known[:2]
    assert flaky.history("flaky")[2] == known[2]
    assert [used for _, used, _ in flaky.history("forms")] == [7, 7, 7, 7]


def test_history_is_written_again_for_three_years_at_the_most(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL, effective_from=date(2000, 1, 1))
    engine.backfill(sent(1, datetime(2010, 1, 1, tzinfo=UTC)), sent(2, NOW - 100 * DAY))
    with engine.database.read() as session:
        plan = plan_refresh(session, {engine.id(): ALL}, engine.runtime.registry, NOW)
    assert min(moment.at for moment in plan.moments) == datetime(2023, 3, 11, 18, 30, tzinfo=UTC) - INSTANT
    assert len({moment.at for moment in plan.moments}) == HISTORY.days + 1


def test_what_comes_in_late_while_a_refresh_runs_is_not_forgotten(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(100, NOW - 2 * DAY))
    running = HeldUp(engine, NOW)
    engine.send(sent(10, NOW - DAY), now=NOW + timedelta(seconds=1))
    running.save()
    assert late_marks(engine) == {(engine.id(), days_ago(2))}

    engine.refresh(now=NOW + HOUR)
    assert late_marks(engine) == set()
    assert [used for _, used, _ in engine.history("interactions")] == [100, 110, 110]


def test_a_mark_that_another_refresh_saw_first_is_not_forgotten_for_what_came_after(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(100, NOW - 2 * DAY))
    first, second = HeldUp(engine, NOW), HeldUp(engine, NOW + HOUR)
    first.save()
    assert late_marks(engine) == set()
    engine.send(sent(10, NOW - 2 * DAY), now=NOW + HOUR)
    second.save()
    assert late_marks(engine) == {(engine.id(), days_ago(2))}

    engine.refresh(now=NOW + 2 * HOUR)
    assert [used for _, used, _ in engine.history("interactions")] == [110, 110, 110]
