"""History by interval: the last point of each, in the license's time zone, page by page."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.history import TimeRange, replace_history
from core.consumption.intervals import Interval, Span, read_histories
from tests.fixtures.engine import Engine, new_key
from tests.forms import examples

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def remember(
    engine: Engine,
    times: Iterable[datetime],
    meters: Iterable[str] = ("forms",),
    key: str = "acme",
    rewritten: Iterable[TimeRange] = (),
) -> None:
    """Points of 0, 1, 2, … used, in the order of the times."""
    license_id = engine.id(key)
    rows = {
        (license_id, time): {meter: [str(number), "12.50", "O"] for meter in meters}
        for number, time in enumerate(times)
    }
    with engine.database.write() as session:
        replace_history(session, rows, list(rewritten))


def used(engine: Engine, interval: Interval, key: str = "acme") -> list[int]:
    return [int(used or 0) for _, used, _ in engine.history("forms", key, interval)]


def test_a_point_is_kept_as_it_was_read(engine: Engine) -> None:
    engine.license()
    at = utc("2026-03-15T12:00:00.123456")
    remember(engine, [at])
    assert engine.history("forms") == [(at, Decimal(0), "OK")]
    assert engine.history("users") == []


def test_the_same_moment_again_takes_the_place_of_what_was_there(engine: Engine) -> None:
    engine.license()
    at = utc("2026-03-15T12:00")
    remember(engine, [at])
    remember(engine, [at - HOUR, at])
    assert [used for _, used, _ in engine.history("forms", interval=Interval.HOUR)] == [Decimal(0), Decimal(1)]


def test_each_day_ends_with_its_last_point_in_the_licenses_time_zone(engine: Engine) -> None:
    times = [
        utc("2026-03-14T18:29:59"),
        utc("2026-03-14T18:30:00"),
        utc("2026-03-15T03:59:59"),
        utc("2026-03-15T04:00:00"),
        utc("2026-03-15T18:29:59"),
        utc("2026-03-15T18:30:00"),
    ]
    for key, zone in (("kolkata", "Asia/Kolkata"), ("new-york", "America/New_York"), ("utc", "UTC")):
        engine.license(key, zone)
        remember(engine, times, key=key)
    assert used(engine, Interval.DAY, "kolkata") == [0, 4, 5]
    assert used(engine, Interval.DAY, "new-york") == [2, 5]
    assert used(engine, Interval.DAY, "utc") == [1, 5]


def test_each_hour_is_an_hour_of_the_licenses_clock(engine: Engine) -> None:
    times = [utc("2026-03-15T12:00"), utc("2026-03-15T12:29"), utc("2026-03-15T12:30"), utc("2026-03-15T13:15")]
    for key, zone in (("utc", "UTC"), ("kolkata", "Asia/Kolkata"), ("kathmandu", "Asia/Kathmandu")):
        engine.license(key, zone)
        remember(engine, times, key=key)
    assert used(engine, Interval.HOUR, "utc") == [2, 3]
    assert used(engine, Interval.HOUR, "kolkata") == [1, 3]
    assert used(engine, Interval.HOUR, "kathmandu") == [0, 2, 3]


def test_an_hour_that_the_clocks_repeat_is_two_hours(engine: Engine) -> None:
    engine.license("acme", "Europe/Brussels")
    # 02:30 summer time, 02:45 summer time, 02:30 winter time, 03:15
    remember(engine, [utc(f"2025-10-26T{time}") for time in ("00:30", "00:45", "01:30", "02:15")])
    assert used(engine, Interval.HOUR) == [1, 2, 3]
    assert used(engine, Interval.DAY) == [3]


def test_weeks_begin_on_monday_also_across_the_turn_of_the_year(engine: Engine) -> None:
    engine.license("acme", "America/Sao_Paulo")
    sunday, monday = utc("2025-12-29T02:59:59"), utc("2025-12-29T03:00:00")
    remember(engine, [sunday, monday, monday + 3 * DAY, monday + 7 * DAY - INSTANT, monday + 7 * DAY])
    assert used(engine, Interval.WEEK) == [0, 3, 4]


def test_months_end_at_midnight_in_the_licenses_time_zone(engine: Engine) -> None:
    engine.license("acme", "Pacific/Auckland")
    turn = utc("2026-02-28T11:00:00")  # midnight of 1 March
    remember(engine, [turn - 20 * DAY, turn - INSTANT, turn, turn + 30 * DAY, turn + 31 * DAY])
    assert used(engine, Interval.MONTH) == [1, 3, 4]


@pytest.mark.parametrize("interval", Interval)
def test_pages_follow_each_other_without_a_gap_and_without_an_overlap(engine: Engine, interval: Interval) -> None:
    engine.license("acme", "Australia/Lord_Howe")
    remember(engine, [utc("2026-03-20T00:00") + number * 7 * HOUR for number in range(120)])
    whole = engine.history("forms", interval=interval)

    pages = []
    after = None
    while page := engine.history("forms", interval=interval, after=after, most=3):
        assert len(page) <= 3
        pages += page
        after = page[-1][0]

    assert pages == whole
    assert len(whole) == {Interval.HOUR: 120, Interval.DAY: 36, Interval.WEEK: 6, Interval.MONTH: 2}[interval]


@pytest.mark.parametrize("interval", Interval)
def test_the_newest_points_are_the_last_ones_of_the_whole(engine: Engine, interval: Interval) -> None:
    """Also where entries leave out what an earlier entry of their day holds, and where points are rare."""
    engine.license("acme", "Australia/Lord_Howe")
    license_id = engine.id()
    start = utc("2026-03-20T00:00")
    times = [start - 900 * DAY] + [start + number * timedelta(minutes=83) for number in range(500)]
    midnight = ZoneInfo("Australia/Lord_Howe")
    rows: dict[tuple[int, datetime], dict[str, list[object]]] = {}
    day = None
    for number, at in enumerate(times):
        before, day = day, at.astimezone(midnight).date()
        later: list[list[object]] = [[], [number], [number, 5001, "A"]]
        whole_entry: list[object] = [number, 5000]
        entry = whole_entry if day != before else later[number % 3]
        rows[license_id, at] = {"forms": entry}
    with engine.database.write() as session:
        replace_history(session, rows)
    whole = engine.history("forms", interval=interval, most=3000)
    for most in (1, 7, 30, 3000):
        span = Span(interval, None, times[-1], most, newest=True)
        with engine.database.read() as session:
            found = read_histories(session, {license_id: "Australia/Lord_Howe"}, "forms", span)[license_id]
        points = [(point.at, point.used, point.status.value) for point in found.of("forms") or ()]
        assert points == whole[-most:]


def test_a_stretch_begins_after_one_instant_and_ends_with_another(engine: Engine) -> None:
    engine.license()
    times = [utc("2026-03-10T12:00") + number * DAY for number in range(5)]
    remember(engine, times)
    points = engine.history("forms", after=times[0], until=times[3])
    assert [at for at, _, _ in points] == times[1:4]
    assert engine.history("forms", after=times[4]) == []
    assert engine.history("forms", until=times[0] - INSTANT) == []
    assert engine.history("forms", until=times[0], most=0) == []


def test_only_what_is_rewritten_is_dropped(engine: Engine) -> None:
    engine.license()
    engine.license("other")
    times = [utc("2026-03-10T12:00") + number * DAY for number in range(5)]
    for key in ("acme", "other"):
        remember(engine, times, ["forms"], key)
        remember(engine, times, ["users"], key)

    remember(engine, [times[2] + HOUR], rewritten=[TimeRange(engine.id(), times[0], times[3], {"forms"})])

    assert engine.points("forms") == [times[0], times[2] + HOUR, times[4]]
    assert engine.points("users") == engine.points("forms", "other") == engine.points("users", "other") == times


ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Europe/Brussels", "Australia/Lord_Howe", "Pacific/Kiritimati")


def bucket(at: datetime, interval: Interval, zone: str) -> object:
    local = at.astimezone(ZoneInfo(zone))
    match interval:
        case Interval.HOUR:
            return local.strftime("%Y-%m-%d %H %z")
        case Interval.DAY:
            return local.date()
        case Interval.WEEK:
            return local.isocalendar()[:2]
        case Interval.MONTH:
            return local.strftime("%Y-%m")


# Around the days on which the clocks of Brussels and of Lord Howe change, and far apart.
TIMES = st.one_of(
    st.integers(0, 3 * 24 * 60).map(lambda minutes: utc("2025-10-25T00:00") + timedelta(minutes=minutes)),
    st.integers(0, 2 * 24 * 60).map(lambda minutes: utc("2026-04-03T12:00") + timedelta(minutes=minutes)),
    st.integers(0, 200).map(lambda days: utc("2025-09-30T23:59:59.999999") + days * DAY),
)


@examples(30)
@given(
    st.sets(TIMES, max_size=40),
    st.sampled_from(ZONES),
    st.sampled_from(Interval),
    st.integers(1, 5),
)
def test_history_is_the_last_point_of_every_interval(
    engine: Engine, times: set[datetime], zone: str, interval: Interval, most: int
) -> None:
    key = new_key()
    engine.license(key, zone)
    ordered = sorted(times)
    remember(engine, ordered, key=key)
    last = {bucket(at, interval, zone): (at, Decimal(number), "OK") for number, at in enumerate(ordered)}
    assert engine.history("forms", key, interval) == list(last.values())
    assert engine.history("forms", key, interval, most=most) == list(last.values())[:most]


def test_what_is_remembered_of_a_license_begins_with_its_first_refresh(engine: Engine) -> None:
    engine.license()
    assert engine.history("forms") == []
    engine.refresh()
    assert [(at.date(), used, status) for at, used, status in engine.history("forms")] == [
        (date(2026, 3, 15), None, "UNKNOWN")
    ]
