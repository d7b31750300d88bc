"""Increments of a history add up to the usage, whatever comes in."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.increments import increments
from core.consumption.intervals import Interval, Span, read_histories
from core.consumption.past_shares import measure_shares
from core.consumption.points import Point
from core.consumption.readings.status import UsageStatus
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

OK = UsageStatus.OK
DAY = timedelta(days=1)


def read(engine: Engine, key: str, meter: str, interval: Interval) -> list[Point]:
    loaded = engine.loaded(key)
    with engine.database.read() as session:
        zones = {loaded.id: loaded.license.time_zone}
        found = read_histories(session, zones, meter, Span(interval, None, NOW, 1000))
        return found[loaded.id].of(meter) or []


def end(day: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("meter", "before", "used", "expected"),
    [
        ("users", None, [(1, "5"), (2, "7"), (3, "4"), (4, "4")], ["5", "2", "-3", "0"]),
        ("users", (1, "5"), [(2, None), (3, "4")], [None, "4"]),
        ("users", (1, None), [(2, "3")], ["3"]),
        ("users", (1, "5"), [], []),
        # The billing period begins on the 15th.
        ("interactions", (13, "90"), [(14, "100"), (15, "5"), (16, "8")], ["10", "5", "3"]),
        ("interactions", (1, "90"), [(20, "8")], ["8"]),
        ("interactions", (15, "5"), [(20, "8")], ["3"]),
        ("interactions", (13, "90"), [(14, "70")], ["-20"]),
        # The quota window is the month.
        ("active_installations", (1, "90"), [(31, "95")], ["5"]),
    ],
)
def test_increments_count_since_the_point_before_or_the_beginning_of_the_period(
    engine: Engine,
    meter: str,
    before: tuple[int, str | None] | None,
    used: list[tuple[int, str | None]],
    expected: list[str | None],
) -> None:
    key = new_key()
    engine.license(key, terms={"users": 1}, starts_on=date(2026, 1, 15), billing_period="P1M")

    def point(day: int, used: str | None) -> Point:
        return Point(end(day), None if used is None else Decimal(used), None, OK)

    found = increments(
        engine.loaded(key),
        engine.runtime.registry.meters[meter],
        point(*before) if before else None,
        [point(*one) for one in used],
    )
    assert found == [None if one is None else Decimal(one) for one in expected]


AMOUNTS = st.decimals("0.001", "1000000", places=3)
SENT = st.lists(
    st.tuples(st.integers(0, 100), AMOUNTS, st.sampled_from(["print", "social", "marketing_email"])),
    min_size=1,
    max_size=12,
)


@examples(20)
@given(SENT, st.sampled_from(["P1M", "P1Y"]), st.sampled_from([1, 15, 28]), st.sampled_from(list(Interval)[1:]))
def test_increments_and_shares_add_up_to_the_usage(
    engine: Engine, sent: list[tuple[int, Decimal, str]], billing_period: str, starts: int, interval: Interval
) -> None:
    key = new_key()
    engine.license(
        key,
        terms={"profiles": 10, "interactions_per_profile": 10},
        starts_on=date(2025, 1, starts),
        effective_from=date(2025, 1, starts),
        billing_period=billing_period,
    )
    by_day: dict[date, Decimal] = defaultdict(Decimal)
    for days, amount, channel in sent:
        at = NOW - days * DAY
        by_day[at.date()] += amount
        dimensions = {"channel": channel}
        event = usage_event("interaction.sent", key, at, quantity=amount, dimensions=dimensions)
        engine.backfill(event)
    engine.refresh(key)
    loaded, meter = engine.loaded(key), engine.runtime.registry.meters["interactions"]
    points = read(engine, key, "interactions", interval)
    added = increments(loaded, meter, None, points)
    totals: dict[date, Decimal] = defaultdict(Decimal)
    for point, increment in zip(points, added, strict=True):
        first = loaded.period_on(point.at.date()).first
        totals[first] += increment or 0
        assert totals[first] == point.used
        if interval is Interval.DAY:
            assert increment == by_day[point.at.date()]
    # Read in pages, they are the same.
    for cut in range(len(points)):
        assert increments(loaded, meter, points[cut - 1] if cut else None, points[cut:]) == added[cut:]
    past = [point for point in points if point.at == loaded.end_of(point.at.date())]
    with engine.database.read() as session:
        shares = measure_shares(
            session,
            loaded,
            meter,
            [point.at.date() for point in past],
            "channel",
            engine.runtime.registry,
            engine.runtime.measurer,
            NOW,
        )
    assert {day: sum((share.used for share in of_day), Decimal(0)) for day, of_day in shares.items()} == {
        point.at.date(): point.used for point in past
    }
