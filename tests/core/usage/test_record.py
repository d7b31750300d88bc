"""Recording: each event once, in the period of its own time, whatever the batch, the order and the company."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import col, select

from core.usage.amount import LARGEST_TOTAL, TotalTooLarge
from core.usage.record_result import RecordResult
from core.usage.recount import recount
from core.usage.tables import LateUsage, LedgerEvent, UsageLevel, UsageSum
from tests.fixtures.engine import NOW, Engine, counted_statements, new_key, usage_event

TODAY = NOW.date()
LARGEST = 2**53


def counted(engine: Engine, key: str = "acme") -> dict[date, Decimal]:
    """What the rollup of a license's counters says, by day."""
    with engine.database.read() as session:
        found: dict[date, Decimal] = {}
        for row in session.exec(select(UsageSum).where(UsageSum.license_id == engine.id(key))):
            amount = Decimal(row.whole) + Decimal(row.nanos).scaleb(-9)
            found[row.day] = found.get(row.day, Decimal(0)) + amount
        return found


def stands(engine: Engine, key: str = "acme") -> dict[date, tuple[int, str]]:
    """Where a license's level stood at the end of each day, and the event that said so."""
    with engine.database.read() as session:
        rows = session.exec(select(UsageLevel).where(UsageLevel.license_id == engine.id(key)))
        return {row.day: (row.whole, row.event_id) for row in rows}


def late_since(engine: Engine, key: str = "acme") -> date | None:
    with engine.database.read() as session:
        return session.exec(select(col(LateUsage.since)).where(LateUsage.license_id == engine.id(key))).first()


def ledger(engine: Engine) -> int:
    with engine.database.read() as session:
        return len(session.exec(select(LedgerEvent.id)).all())


def differences(engine: Engine, key: str = "acme") -> list[object]:
    with engine.database.read() as session:
        return list(recount(session, engine.id(key), engine.runtime.registry.event_types))


def outcome(recorded: RecordResult) -> tuple[int, int, list[tuple[int, str]]]:
    return recorded.accepted, recorded.duplicates, [(one.index, one.code) for one in recorded.rejected]


def test_events_are_added_up_by_day(engine: Engine) -> None:
    engine.license()
    recorded = engine.send(
        usage_event("sms.sent", quantity=2.5),
        usage_event("sms.sent", quantity=0.75),
        usage_event("sms.sent", time=NOW - timedelta(days=1)),
    )
    assert outcome(recorded) == (3, 0, [])
    assert counted(engine) == {TODAY: Decimal("3.25"), TODAY - timedelta(days=1): Decimal(1)}
    assert differences(engine) == []


def test_nanos_carry_over_into_wholes(engine: Engine) -> None:
    engine.license()
    for _ in range(3):
        engine.send(*(usage_event("sms.sent", quantity=0.999999999) for _ in range(4)))
    assert counted(engine) == {TODAY: Decimal("11.999999988")}
    assert differences(engine) == []


def test_an_event_counts_once_within_a_batch_and_across_batches(engine: Engine) -> None:
    engine.license()
    event = usage_event("sms.sent", quantity=5)
    assert outcome(engine.send(event, event, event)) == (1, 2, [])
    assert outcome(engine.send(event)) == (0, 1, [])
    assert outcome(engine.send(usage_event("sms.sent"), event)) == (1, 1, [])
    assert counted(engine) == {TODAY: Decimal(6)}
    assert ledger(engine) == 2


def test_an_event_without_a_time_counts_on_the_day_of_its_first_delivery(engine: Engine) -> None:
    engine.license()
    event = usage_event("sms.sent", time=None)
    assert outcome(engine.send(event)) == (1, 0, [])
    assert outcome(engine.send(event, now=NOW + timedelta(days=2))) == (0, 1, [])
    assert counted(engine) == {TODAY: Decimal(1)}


def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(engine: Engine) -> None:
    engine.license()
    first = usage_event("sms.sent", id="x", quantity=5)
    other = usage_event("sms.sent", id="x", quantity=6)

    assert outcome(engine.send(first, other, first)) == (1, 1, [(1, "ID_CONFLICT")])
    assert outcome(engine.send(other, other, first)) == (0, 1, [(0, "ID_CONFLICT"), (1, "ID_CONFLICT")])
    [rejected] = engine.send(other).rejected
    assert (rejected.index, rejected.id, rejected.message) == (
        0,
        "x",
        "'x' of '/test' was recorded before with other content. "
        "Give every event an id of its own, and send a retry unchanged.",
    )
    assert counted(engine) == {TODAY: Decimal(5)}


@pytest.mark.parametrize(
    "change",
    [
        {"type": "sms.sent", "dimensions": None},
        {"quantity": 2.000000001},
        {"entity": "nl"},
        {"entity": None},
        {"dimensions": {"channel": "print"}},
        {"time": NOW + timedelta(microseconds=1)},
    ],
    ids=repr,
)
def test_any_other_content_under_a_known_id_is_a_conflict(engine: Engine, change: dict[str, Any]) -> None:
    engine.license()
    event = usage_event("interaction.sent", id="x", quantity=2, entity="be", dimensions={"channel": "social"})
    assert outcome(engine.send(event)) == (1, 0, [])
    assert outcome(engine.send({**event, **change})) == (0, 0, [(0, "ID_CONFLICT")])
    assert outcome(engine.send(event)) == (0, 1, [])


def test_a_retry_is_known_however_it_is_written(engine: Engine) -> None:
    engine.license()
    event = usage_event("sms.sent", id="x", time="2026-03-15T10:00:00Z", quantity=1)
    assert outcome(engine.send(event)) == (1, 0, [])
    assert outcome(engine.send({**event, "time": "2026-03-15T11:00:00.000+01:00", "quantity": 1.0})) == (0, 1, [])
    assert outcome(engine.send({**event, "time": None})) == (0, 1, [])  # says nothing of the time, so nothing else


def test_ids_are_told_apart_by_source_and_by_license(engine: Engine) -> None:
    engine.license()
    engine.license("umbrella")
    recorded = engine.send(
        usage_event("sms.sent", id="1"),
        usage_event("sms.sent", id="1", source="/other"),
        usage_event("sms.sent", id="1", license="umbrella"),
        usage_event("sms.sent", id="1 "),
    )
    assert outcome(recorded) == (4, 0, [])
    assert counted(engine) == {TODAY: Decimal(3)}
    assert counted(engine, "umbrella") == {TODAY: Decimal(1)}


def test_an_unknown_license_is_refused_with_the_nearest_and_costs_its_neighbours_nothing(engine: Engine) -> None:
    engine.license("acme-europe")
    engine.license("umbrella")
    recorded = engine.send(
        usage_event("sms.sent", license="acme-eurpoe"),
        usage_event("sms.sent", license="umbrella"),
        usage_event("sms.sent", license="zzzzz"),
        usage_event("sms.snet", license="umbrella"),
    )
    assert recorded.accepted == 1
    assert [(one.index, one.code, one.message) for one in recorded.rejected] == [
        (0, "UNKNOWN_LICENSE", "No license 'acme-eurpoe'. Did you mean 'acme-europe'?"),
        (2, "UNKNOWN_LICENSE", "No license 'zzzzz'."),
        (3, "UNKNOWN_TYPE", "No meter reads events of type 'sms.snet'. Did you mean 'sms.sent'?"),
    ]


def test_an_event_counts_on_its_day_in_the_licenses_time_zone(engine: Engine) -> None:
    engine.license("kolkata", "Asia/Kolkata")
    engine.license("hawaii", "Pacific/Honolulu")
    engine.license("utc", "UTC")
    for key in ("kolkata", "hawaii", "utc"):
        engine.send(
            usage_event("sms.sent", key, "2026-03-10T18:29:59.999999Z"),
            usage_event("sms.sent", key, "2026-03-10T18:30:00Z", quantity=10),
            usage_event("sms.sent", key, "2026-03-11T09:59:59.999999Z", quantity=100),
            usage_event("sms.sent", key, "2026-03-11T10:00:00Z", quantity=1000),
        )
    tenth, eleventh = date(2026, 3, 10), date(2026, 3, 11)
    assert counted(engine, "kolkata") == {tenth: Decimal(1), eleventh: Decimal(1110)}
    assert counted(engine, "hawaii") == {tenth: Decimal(111), eleventh: Decimal(1000)}
    assert counted(engine, "utc") == {tenth: Decimal(11), eleventh: Decimal(1100)}


def test_days_of_23_and_25_hours_hold_what_fell_in_them(engine: Engine) -> None:
    engine.license("brussels", "Europe/Brussels")
    engine.backfill(
        usage_event("sms.sent", "brussels", "2025-10-25T21:59:59Z"),
        usage_event("sms.sent", "brussels", "2025-10-25T22:00:00Z", quantity=10),
        usage_event("sms.sent", "brussels", "2025-10-26T22:59:59Z", quantity=100),
        usage_event("sms.sent", "brussels", "2025-10-26T23:00:00Z", quantity=1000),
        usage_event("sms.sent", "brussels", "2025-03-29T23:00:00Z", quantity=2),
        usage_event("sms.sent", "brussels", "2025-03-30T21:59:59Z", quantity=20),
        usage_event("sms.sent", "brussels", "2025-03-30T22:00:00Z", quantity=200),
    )
    assert counted(engine, "brussels") == {
        date(2025, 10, 25): Decimal(1),
        date(2025, 10, 26): Decimal(110),
        date(2025, 10, 27): Decimal(1000),
        date(2025, 3, 30): Decimal(22),
        date(2025, 3, 31): Decimal(200),
    }


def test_a_new_time_zone_holds_for_what_came_in_before_and_after(engine: Engine) -> None:
    engine.license("acme", "UTC")
    engine.send(usage_event("sms.sent", time="2026-03-10T23:00:00Z"))
    engine.license("acme", "Asia/Tokyo")
    engine.send(usage_event("sms.sent", time="2026-03-10T23:00:00Z", quantity=10))
    assert counted(engine) == {date(2026, 3, 11): Decimal(11)}


def test_what_comes_in_late_marks_the_first_day_that_it_changed(engine: Engine) -> None:
    engine.license()
    engine.send(usage_event("sms.sent"))
    assert late_since(engine) is None
    engine.send(usage_event("sms.sent", time=NOW - timedelta(days=3)), usage_event("sms.sent"))
    assert late_since(engine) == TODAY - timedelta(days=3)
    engine.send(usage_event("forms.level", time=NOW - timedelta(days=9), value=1))
    assert late_since(engine) == TODAY - timedelta(days=9)
    engine.send(usage_event("sms.sent", time=NOW - timedelta(days=5)))
    assert late_since(engine) == TODAY - timedelta(days=9)


def test_late_is_what_falls_on_a_day_that_is_over_where_the_license_is(engine: Engine) -> None:
    engine.license("tokyo", "Asia/Tokyo")  # where it is 21:00
    engine.license("hawaii", "Pacific/Honolulu")  # where it is 02:00
    for key in ("tokyo", "hawaii"):
        engine.send(usage_event("sms.sent", key, NOW - timedelta(hours=3)))
    assert late_since(engine, "tokyo") is None
    assert late_since(engine, "hawaii") == date(2026, 3, 14)


def test_a_duplicate_or_a_conflict_marks_nothing_late(engine: Engine) -> None:
    engine.license()
    event = usage_event("sms.sent", id="x", time=NOW)
    engine.send(event)
    engine.send(event, {**event, "time": NOW - timedelta(days=3)}, now=NOW + timedelta(days=1))
    assert late_since(engine) is None


LEVELS = [
    usage_event("forms.level", id="morning", time=NOW - timedelta(hours=3), value=10),
    usage_event("forms.level", id="noon", time=NOW, value=7),
    usage_event("forms.level", id="yesterday", time=NOW - timedelta(days=1), value=5),
]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_level_keeps_the_newest_by_the_events_own_time(engine: Engine, order: Sequence[int]) -> None:
    engine.license()
    engine.license("at-once")
    for place in order:
        engine.send(LEVELS[place])
    engine.send(*({**LEVELS[place], "license": "at-once"} for place in order))
    expected = {TODAY: (7, "noon"), TODAY - timedelta(days=1): (5, "yesterday")}
    assert stands(engine) == expected
    assert stands(engine, "at-once") == expected
    assert differences(engine) == differences(engine, "at-once") == []


TIED = [
    usage_event("forms.level", id="a", source="/b", value=1),
    usage_event("forms.level", id="b", source="/a", value=2),
    usage_event("forms.level", id="é", source="/b", value=3),  # by code points it comes after z
    usage_event("forms.level", id="z", source="/b", value=4),
    usage_event("forms.level", id="Z", source="/b", value=5),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_of_a_tie_of_levels_the_last_accepted_stands(engine: Engine, order: Sequence[int]) -> None:
    engine.license()
    engine.license("at-once")
    for place in order:
        engine.send(TIED[place])
    engine.send(*({**TIED[place], "license": "at-once"} for place in order))
    last = TIED[order[-1]]
    assert stands(engine) == stands(engine, "at-once") == {TODAY: (last["value"], last["id"])}
    assert differences(engine) == []


def test_a_microsecond_decides_between_levels(engine: Engine) -> None:
    engine.license()
    engine.send(
        usage_event("forms.level", id="z", time="2026-03-15T10:00:00.000001Z", value=1),
        usage_event("forms.level", id="a", time="2026-03-15T10:00:00.000002Z", value=2),
    )
    assert stands(engine) == {TODAY: (2, "a")}


def test_batches_sent_at_once_count_each_event_once(engine: Engine) -> None:
    keys = [new_key() for _ in range(3)]
    for key in keys:
        engine.license(key)
    events = [
        usage_event(
            "sms.sent", keys[number % 3], NOW - timedelta(days=number % 2), quantity=number, entity=f"{number % 5}"
        )
        for number in range(120)
    ]
    events += [
        usage_event(
            "forms.level", keys[number % 3], NOW - timedelta(minutes=60 - number), value=number, id=f"{number:03}"
        )
        for number in range(60)
    ]
    start = Barrier(8)

    def send(worker: int) -> list[tuple[int, int, list[tuple[int, str]]]]:
        start.wait()
        turned = events[worker * 20 :] + events[: worker * 20]  # everybody sends all, from another place
        return [outcome(engine.send(*turned[place : place + 45])) for place in range(0, len(turned), 45)]

    with ThreadPoolExecutor(8) as threads:
        outcomes = [one for answers in threads.map(send, range(8)) for one in answers]

    assert sum(accepted for accepted, _, _ in outcomes) == len(events)
    assert sum(duplicates for _, duplicates, _ in outcomes) == 7 * len(events)
    assert all(rejected == [] for _, _, rejected in outcomes)
    totals = [sum(counted(engine, key).values()) for key in keys]
    assert totals == [sum(number for number in range(120) if number % 3 == rest) for rest in range(3)]
    assert [stands(engine, key) for key in keys] == [
        {TODAY: (57, "057")},
        {TODAY: (58, "058")},
        {TODAY: (59, "059")},
    ]
    assert [differences(engine, key) for key in keys] == [[], [], []]


def test_conflicting_batches_sent_at_once_are_judged_by_whichever_came_first(engine: Engine) -> None:
    engine.license()
    start = Barrier(6)

    def send(worker: int) -> tuple[int, int, list[tuple[int, str]]]:
        start.wait()
        return outcome(engine.send(*(usage_event("sms.sent", id=f"{n}", quantity=worker + 1) for n in range(20))))

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(send, range(6)))

    assert sum(accepted for accepted, _, _ in outcomes) == 20
    assert sum(len(rejected) for _, _, rejected in outcomes) == 100
    assert ledger(engine) == 20
    assert differences(engine) == []


def test_new_series_made_at_once_are_made_once(engine: Engine) -> None:
    engine.license()
    start = Barrier(6)

    def send(worker: int) -> int:
        start.wait()
        return engine.send(*(usage_event("sms.sent", entity=f"entity {n}") for n in range(30))).accepted

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(send, range(6))) == 180

    engine.refresh()
    shares = engine.reading("sms_credits").shares
    assert [(share.key, share.used) for share in shares] == sorted((f"entity {n}", Decimal(6)) for n in range(30))


def test_a_days_total_grows_up_to_2_to_the_62_and_not_beyond(engine: Engine) -> None:
    engine.license()
    largest = [usage_event("sms.sent", quantity=LARGEST) for _ in range(511)]
    assert engine.send(*largest).accepted == 511
    assert counted(engine) == {TODAY: Decimal(511 * LARGEST)}

    with pytest.raises(TotalTooLarge) as refused:
        engine.send(usage_event("sms.sent", quantity=LARGEST), usage_event("sms.sent", id="with it"))
    assert refused.value.message == "A day's total would pass 4.6e18. Nothing was recorded; check the quantities."
    assert ledger(engine) == 511

    assert engine.send(usage_event("sms.sent", quantity=LARGEST - 1), usage_event("sms.sent", id="with it", quantity=0))
    assert counted(engine) == {TODAY: Decimal(LARGEST_TOTAL - 1)}
    with pytest.raises(TotalTooLarge):
        engine.send(usage_event("sms.sent"))
    assert engine.send(usage_event("sms.sent", time=NOW - timedelta(days=1))).accepted == 1
    assert differences(engine) == []


def test_one_batch_that_passes_64_bits_by_itself_is_refused_whole(engine: Engine) -> None:
    engine.license()
    with pytest.raises(TotalTooLarge):
        engine.send(*(usage_event("sms.sent", quantity=LARGEST) for _ in range(2100)))
    assert ledger(engine) == 0
    assert counted(engine) == {}


def test_sums_of_many_large_days_stay_exact(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": LARGEST, "interactions_per_profile": LARGEST})
    for number in range(5):
        day = NOW - timedelta(days=number)
        engine.send(
            *(usage_event("interaction.sent", time=day, quantity=LARGEST) for _ in range(511)),
            usage_event("interaction.sent", time=day, quantity=0.000000001),
        )
    engine.refresh()
    assert str(engine.reading("interactions").used) == f"{5 * 511 * LARGEST}.000000005"
    yesterday = engine.past_readings(TODAY - timedelta(days=1))
    assert str(yesterday["interactions"].used) == f"{4 * 511 * LARGEST}.000000004"


def test_texts_of_every_script_are_kept_as_they_are(engine: Engine) -> None:
    engine.license()
    event = usage_event("sms.sent", id="éß😀", source="/日本", entity="  Ünïted “quotes” \\ % _ ")
    assert engine.send(event).accepted == 1
    assert engine.send(event).duplicates == 1
    engine.refresh()
    [share] = engine.reading("sms_credits").shares
    assert share.key == event["entity"]


@pytest.mark.parametrize("time", ["1970-01-02T00:00:00Z", "2026-03-15T12:05:00Z", "2025-12-31T23:59:59.999999Z"])
def test_the_ledger_keeps_an_event_as_it_was_sent(engine: Engine, time: str) -> None:
    engine.license()
    engine.backfill(usage_event("sms.sent", id="x", time=time, quantity=1.25))
    with engine.database.read() as session:
        [row] = session.exec(select(LedgerEvent))
    assert (row.source, row.id, row.whole, row.nanos) == ("/test", "x", 1, 250_000_000)
    assert row.time == datetime.fromisoformat(time).astimezone(UTC)
    assert row.day == row.time.date()


def test_the_number_of_statements_does_not_depend_on_the_number_of_duplicates(engine: Engine) -> None:
    engine.license()
    sent = {}
    for count in (1, 2_500):
        events = [usage_event("interaction.sent") for _ in range(count)]
        assert engine.send(*events).accepted == count
        with counted_statements(engine.database) as statements:
            recorded = engine.send(*events, usage_event("interaction.sent"))
        assert outcome(recorded) == (1, count, [])
        sent[count] = len(statements)
    assert sent[1] == sent[2_500]
