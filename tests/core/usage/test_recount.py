from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from sqlmodel import col, delete, select, update

from core.usage.recount import DayLevel, DayTotal, Difference, recount
from core.usage.tables import LedgerEvent, UsageLevel, UsageSeries, UsageSum
from tests.fixtures.engine import NOW, Engine, usage_event

DAY = NOW.date()
PRINT: dict[str, Any] = {"dimensions": {"channel": "print"}}
AS_STORED = '{"channel":"print"}'


def differences(engine: Engine, key: str = "acme", *, plugins: bool = True) -> list[Difference]:
    event_types = engine.runtime.registry.event_types if plugins else {}
    with engine.database.read() as session:
        return list(recount(session, engine.id(key), event_types))


def tamper(engine: Engine, *statements: Any) -> None:
    with engine.database.write() as session:
        for statement in statements:
            session.execute(statement)


@pytest.fixture
def counted(engine: Engine) -> Engine:
    """Two events of a counter and two reports of a level on one day, and one of each on the day before."""
    engine.license()
    yesterday = NOW - timedelta(days=1)
    engine.send(
        usage_event("interaction.sent", id="a", quantity=1.5, entity="be", **PRINT),
        usage_event("interaction.sent", id="b", quantity=2.25, entity="be", **PRINT),
        usage_event("interaction.sent", id="c", time=yesterday, quantity=4, entity="be", **PRINT),
        usage_event("profiles.level", id="d", time=NOW - timedelta(hours=1), value=100),
        usage_event("profiles.level", id="e", value=90.5),
        usage_event("profiles.level", id="f", time=yesterday, value=80),
    )
    return engine


def test_what_was_recorded_in_any_order_in_any_parts_and_again_has_no_differences(
    engine: Engine, random: Random
) -> None:
    engine.license("acme", "Asia/Kolkata")
    engine.license("globex", "America/New_York")
    times = [NOW - timedelta(minutes=random.randrange(30 * 24 * 60)) for _ in range(300)]
    raws = [
        usage_event("interaction.sent", key, time, quantity=random.randrange(10**12) / 1000, **PRINT)
        if random.random() < 0.5
        else usage_event("custom_tables.level", key, time, value=random.randrange(50), entity=random.choice("xy"))
        for time in times
        for key in ("acme", "globex")
    ]
    # Of equal times the last accepted wins.
    raws += [usage_event("forms.level", "acme", NOW, value=value, id=f"same-{value}") for value in range(9)]
    raws += raws[::3]
    random.shuffle(raws)
    *_, last = dict.fromkeys(str(raw["id"]) for raw in raws if raw["type"] == "forms.level")
    while raws:
        part = random.randrange(1, 200)
        engine.send(*raws[:part])
        del raws[:part]
    assert differences(engine, "acme") == []
    assert differences(engine, "globex") == []
    with engine.database.read() as session:
        kept = session.exec(
            select(UsageLevel.event_id)
            .join(UsageSeries, col(UsageSeries.id) == col(UsageLevel.series_id))
            .where(UsageSeries.event == "forms.level")
        ).all()
    assert kept == [last]


def test_a_license_without_usage_has_no_differences(engine: Engine) -> None:
    engine.license()
    assert differences(engine) == []


def test_sums_are_compared_as_numbers_however_whole_and_billionths_are_written(counted: Engine) -> None:
    today = col(UsageSum.day) == DAY
    tamper(counted, update(UsageSum).where(today).values(whole=1, nanos=2_750_000_000))
    assert differences(counted) == []


def test_a_sum_in_several_parts_is_compared_as_one(counted: Engine) -> None:
    with counted.database.write() as session:
        row = session.exec(select(UsageSum).where(UsageSum.day == DAY)).one()
        row.whole, row.nanos, row.events = 3, 0, 1
        more = UsageSum(**{**row.model_dump(), "shard": row.shard + 1, "whole": 0, "nanos": 750_000_000, "events": 1})
        session.add(more)
    assert differences(counted) == []


def test_a_sum_that_is_off_by_a_billionth_is_found(counted: Engine) -> None:
    tamper(counted, update(UsageSum).where(col(UsageSum.day) == DAY).values(nanos=col(UsageSum.nanos) + 1))
    assert differences(counted) == [
        Difference("interaction.sent", "be", AS_STORED, DAY, DayTotal(3_750_000_000, 2), DayTotal(3_750_000_001, 2))
    ]


def test_a_count_that_is_off_by_one_is_found(counted: Engine) -> None:
    tamper(counted, update(UsageSum).where(col(UsageSum.day) == DAY).values(events=3))
    (found,) = differences(counted)
    assert (found.ledger, found.rollup) == (DayTotal(3_750_000_000, 2), DayTotal(3_750_000_000, 3))
    assert (str(found.ledger), str(found.rollup)) == ("3.75 in 2 events", "3.75 in 3 events")


def test_sums_without_events_and_events_without_a_sum_are_found(counted: Engine) -> None:
    today, yesterday = DAY, DAY - timedelta(days=1)
    tamper(
        counted,
        delete(UsageSum).where(col(UsageSum.day) == today),
        delete(LedgerEvent).where(col(LedgerEvent.id) == "c"),
    )
    assert [(one.day, one.ledger, one.rollup) for one in differences(counted)] == [
        (yesterday, None, DayTotal(4_000_000_000, 1)),
        (today, DayTotal(3_750_000_000, 2), None),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"whole": 91},
        {"nanos": 0},
        {"time": NOW - timedelta(hours=1)},
        {"event_id": "d"},
        {"source": "/other"},
    ],
    ids=str,
)
def test_a_level_that_is_not_that_of_the_newest_event_is_found(counted: Engine, wrong: dict[str, object]) -> None:
    tamper(counted, update(UsageLevel).where(col(UsageLevel.day) == DAY).values(**wrong))
    (found,) = differences(counted)
    assert (found.event, found.entity, found.dimensions, found.day) == ("profiles.level", "", "", DAY)
    assert found.ledger == DayLevel(90_500_000_000, NOW, "/test", "e")
    assert str(found.ledger) == "90.5 at 2026-03-15T12:00:00+00:00 by 'e' of '/test'"
    assert found.rollup not in (None, found.ledger)


def test_levels_without_events_and_events_without_a_level_are_found(counted: Engine) -> None:
    today, yesterday = DAY, DAY - timedelta(days=1)
    tamper(
        counted,
        delete(UsageLevel).where(col(UsageLevel.day) == today),
        delete(LedgerEvent).where(col(LedgerEvent.id) == "f"),
    )
    assert [(one.day, one.ledger, one.rollup) for one in differences(counted)] == [
        (yesterday, None, DayLevel(80_000_000_000, NOW - timedelta(days=1), "/test", "f")),
        (today, DayLevel(90_500_000_000, NOW, "/test", "e"), None),
    ]


def test_events_of_a_series_that_is_not_there_are_found(counted: Engine) -> None:
    tamper(counted, update(LedgerEvent).where(col(LedgerEvent.id) == "c").values(series_id=999))
    found = {(one.event, one.day): (one.ledger, one.rollup) for one in differences(counted)}
    yesterday = DAY - timedelta(days=1)
    assert found == {
        ("interaction.sent", yesterday): (None, DayTotal(4_000_000_000, 1)),
        ("series 999", yesterday): (DayTotal(4_000_000_000, 1), None),
    }


def test_a_license_is_not_blamed_for_another(counted: Engine) -> None:
    counted.license("globex")
    counted.send(usage_event("interaction.sent", "globex"), usage_event("forms.level", "globex", value=1))
    globex = counted.id("globex")
    tamper(counted, delete(UsageSum).where(col(UsageSum.license_id) == globex))
    assert differences(counted, "acme") == []
    assert len(differences(counted, "globex")) == 1


def test_usage_of_plugins_that_are_not_installed_any_more_has_no_differences(counted: Engine) -> None:
    assert differences(counted, plugins=False) == []


def test_the_largest_amounts_are_added_up_exactly(engine: Engine) -> None:
    engine.license()
    engine.send(*(usage_event("sms.sent", quantity=2**53) for _ in range(500)), usage_event("sms.sent", quantity=1e-9))
    assert differences(engine) == []
    tamper(engine, update(UsageSum).values(nanos=2))
    (found,) = differences(engine)
    assert str(found.ledger) == "4503599627370496000.000000001 in 501 events"
    assert str(found.rollup) == "4503599627370496000.000000002 in 501 events"
    assert found.day == date(2026, 3, 15)
