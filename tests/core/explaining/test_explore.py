"""The series of the usage explorer add up to the readings, to the unit, whatever was sent and changed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.administration.close_entity import close_entity
from core.administration.inputs import ClosingInput, RenamingInput
from core.administration.rename_entity import rename_entity
from core.consumption.intervals import Interval
from core.errors import BadInput
from core.explaining.day_ranges import DayRange, divide_range
from core.explaining.explore import ExploredUsage, explore_usage
from core.explaining.usage_query import UsageQuestion, check_question
from tests.core.explaining.worlds import World, bring_in, worlds
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event
from tests.forms import examples

DAY = timedelta(days=1)
MOST = 10_000
LATER = datetime(2026, 4, 1, 12, tzinfo=UTC)


def explored(engine: Engine, key: str = "acme", now: datetime = NOW, most: int = MOST, **asked: Any) -> ExploredUsage:
    license = engine.loaded(key, now)
    with engine.database.read() as session:
        query = check_question(session, UsageQuestion(**asked), license, engine.runtime.registry, now, most)
        return explore_usage(session, query)


def totals(found: ExploredUsage) -> dict[str, Decimal]:
    return {" ".join(group.key): group.total for group in found.groups}


def sums(found: ExploredUsage) -> list[Decimal]:
    """The usage of all groups and the rest in each interval."""
    rows = [group.amounts for group in found.groups] + [found.rest_amounts]
    return [sum((amount or Decimal(0) for amount in column), Decimal(0)) for column in zip(*rows, strict=True)]


def nothing_if_negative(amounts: Sequence[Decimal]) -> list[Decimal]:
    return [max(amount, Decimal(0)) for amount in amounts]


@examples(25)
@given(worlds(), st.integers(1, 4), st.sampled_from([Interval.DAY, Interval.WEEK, Interval.MONTH]))
def test_the_series_add_up_to_the_readings(engine: Engine, world: World, top: int, interval: Interval) -> None:
    bring_in(engine, world)
    now = world.stream.now
    for key in world.keys:
        readings = engine.readings(key)
        asked: dict[str, Any] = {"key": key, "now": now, "top": top, "interval": interval}
        for meter, by in (("interactions", "channel"), ("profiles", "entity"), ("custom_tables", "type")):
            reading = readings[meter]
            found = explored(engine, meter=meter, group_by=[by], **asked)
            assert max(found.total, Decimal(0)) == (reading.used or 0)
            assert found.total == sum((group.total for group in found.groups), Decimal(0)) + found.rest
            shares = {share.key: share.used for share in reading.shares if share.used}
            everything = explored(engine, meter=meter, group_by=[by], **{**asked, "top": 100, "most": 100_000})
            assert everything.rest == 0
            shown = {value: max(total, Decimal(0)) for value, total in totals(everything).items()}
            assert {value: total for value, total in shown.items() if total} == shares
            in_all = sums(found)
            assert (in_all[-1] if found.query.is_level else sum(in_all, Decimal(0))) == found.total


@examples(15)
@given(worlds(), st.integers(0, 6))
def test_each_point_is_the_change_or_the_level_of_its_day(engine: Engine, world: World, ago: int) -> None:
    bring_in(engine, world)
    now = world.stream.now
    for key in world.keys:
        license = engine.loaded(key, now)
        day = license.today - ago * DAY
        past = engine.past_readings(day, key, now)
        start = license.contract_on(day).period.starts_at
        asked: dict[str, Any] = {"key": key, "now": now, "start": start, "end": license.end_of(day)}
        found = explored(engine, meter="interactions", group_by=["entity", "channel"], top=3, **asked)
        assert nothing_if_negative([list(accumulate(sums(found)))[-1]]) == [past["interactions"].used]
        levels = explored(engine, event="profiles.level", group_by=["entity"], **asked)
        assert sums(levels)[-1] == (past["profiles"].used or 0)


@pytest.fixture
def sent(engine: Engine) -> None:
    """Usage of acme in Brussels, whose clocks go forward on 29 March."""
    engine.license("acme", "Europe/Brussels", {"profiles": 10})
    for day, channel, entity, quantity in (
        ("2026-03-27T23:30:00Z", "print", "be", 1),  # on the 28th
        ("2026-03-28T22:59:59Z", "social", "be", 20),  # on the 28th
        ("2026-03-28T23:00:00Z", "print", "nl", 300),  # on the 29th, which has 23 hours
        ("2026-03-29T22:00:00Z", "print", None, 4000),  # on the 30th
        ("2026-03-30T12:00:00Z", "social", "nl", 50_000),
    ):
        fields: dict[str, Any] = {"quantity": quantity, "dimensions": {"channel": channel}} | (
            {"entity": entity} if entity else {}
        )
        engine.backfill(usage_event("interaction.sent", time=day, **fields), now=LATER)


@pytest.mark.usefixtures("sent")
def test_days_are_those_of_the_license_also_when_clocks_change(engine: Engine) -> None:
    start, end = datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC)
    found = explored(engine, now=LATER, meter="interactions", group_by=["channel"], start=start, end=end)
    assert [group.key for group in found.groups] == [("social",), ("print",)]
    assert [list(group.amounts) for group in found.groups] == [[20, 0, 50_000], [1, 300, 4000]]
    periods = [days.in_zone("Europe/Brussels") for days in found.query.intervals]
    assert [period.ends_at - period.starts_at for period in periods] == [DAY, timedelta(hours=23), DAY]
    assert (periods[0].starts_at, periods[-1].ends_at) == (start, end)


@pytest.mark.usefixtures("sent")
def test_weeks_and_months_are_cut_to_the_range(engine: Engine) -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    weeks = explored(engine, now=LATER, meter="interactions", start=start, interval=Interval.WEEK)
    assert list(weeks.query.intervals) == [
        DayRange(date(2026, 3, 28), date(2026, 3, 29)),
        DayRange(date(2026, 3, 30), date(2026, 4, 1)),
    ]
    assert list(weeks.groups[0].amounts) == [321, 54_000]
    months = explored(engine, now=LATER, meter="interactions", start=start, interval=Interval.MONTH)
    assert [interval.first for interval in months.query.intervals] == [date(2026, 3, 28), date(2026, 4, 1)]
    assert list(months.groups[0].amounts) == [54_321, 0]


@pytest.mark.usefixtures("sent")
def test_the_smallest_groups_are_the_rest(engine: Engine) -> None:
    start = datetime(2026, 3, 29, tzinfo=UTC)
    found = explored(engine, now=LATER, event="interaction.sent", group_by=["entity", "channel"], top=1, start=start)
    assert [(group.key, group.total) for group in found.groups] == [(("nl", "social"), 50_000)]
    assert (found.rest, list(found.rest_amounts), found.total) == (4300, [300, 4000, 0, 0], 54_300)


@pytest.mark.usefixtures("sent")
def test_a_filter_leaves_out_all_other_usage(engine: Engine) -> None:
    asked: dict[str, Any] = {"now": LATER, "meter": "interactions"}
    assert explored(engine, filter={"channel": "print"}, **asked).total == 4301
    assert explored(engine, filter={"channel": ["print", "social"], "entity": [" NL"]}, **asked).total == 50_300
    assert explored(engine, filter={"entity": ""}, **asked).total == 4000
    assert explored(engine, filter={"channel": ["call_center"]}, **asked).groups == []
    assert explored(engine, filter={"channel": []}, **asked).total == 0


def test_the_level_of_a_closed_entity_ends_and_a_new_name_is_shown(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 10})
    for ago, entity, value in ((5, "be", 7), (3, "be", 8), (4, "nl", 2)):
        engine.send(usage_event("profiles.level", time=NOW - ago * DAY, value=value, entity=entity))
    with engine.database.write() as session:
        close_entity(session, ClosingInput("acme", "be", (NOW - 1 * DAY).date()), "a test", NOW)
        rename_entity(session, RenamingInput("acme", "nl", "The Netherlands"), "a test", NOW)
    found = explored(engine, meter="profiles", group_by=["entity"], start=NOW - 6 * DAY)
    nl, be = found.groups
    assert (nl.key, nl.label, nl.total) == (("nl",), ("The Netherlands",), 2)
    assert list(nl.amounts) == [None, None, 2, 2, 2, 2, 2]
    assert (be.key, be.label, be.total) == (("be",), ("be",), 0)
    assert list(be.amounts) == [None, 7, 7, 8, 8, None, None]
    assert [group.key for group in explored(engine, meter="profiles", group_by=["entity"], start=NOW).groups] == [
        ("nl",)
    ]


def test_the_number_of_statements_is_fixed(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 10})

    def statements(**asked: Any) -> int:
        with counted_statements(engine.database) as sent:
            explored(engine, start=NOW - 30 * DAY, **asked)
        return len(sent)

    def all_statements() -> list[int]:
        by_channel = statements(meter="interactions", group_by=["channel", "entity"], top=2)
        return [by_channel, statements(meter="profiles", group_by=["entity"], top=2)]

    for number in range(2):
        for day in range(2):
            entity, time = f"e{number}", NOW - day * DAY
            engine.send(
                usage_event("interaction.sent", time=time, quantity=1, entity=entity),
                usage_event("profiles.level", time=time, value=1, entity=entity),
            )
    few = all_statements()
    for number in range(20):
        for day in range(10):
            entity, time = f"f{number}", NOW - day * DAY
            engine.send(
                usage_event("interaction.sent", time=time, quantity=1, entity=entity, dimensions={"channel": "print"}),
                usage_event("profiles.level", time=time, value=1, entity=entity),
            )
    assert all_statements() == few


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "Name either a `meter` or an `event`."),
        ({"meter": "interactions", "event": "interaction.sent"}, "Name either a `meter` or an `event`."),
        ({"meter": "interaction"}, "No meter 'interaction'. Did you mean 'interactions'?"),
        ({"event": "interactions.sent"}, "No event type 'interactions.sent'. Did you mean 'interaction.sent'?"),
        (
            {"meter": "goal_interactions"},
            "The meter goal_interactions reads the event types goal.triggered, profiles.level: name one of them with "
            "`event`.",
        ),
        ({"meter": "retention"}, "The meter retention reads no usage."),
        (
            {"meter": "interactions", "group_by": ["chanel"]},
            "`groupBy`: interaction.sent has no dimension 'chanel'. Did you mean 'channel'? It has channel, entity.",
        ),
        ({"meter": "interactions", "group_by": ["entity", "entity"]}, "`groupBy` names a dimension twice."),
        (
            {"meter": "forms", "filter": {"channel": "print"}},
            "`filter`: forms.level has no dimension 'channel'. It has entity.",
        ),
        ({"meter": "forms", "filter": []}, '`filter` must be an object, as {"channel": "print"}.'),
        (
            {"meter": "forms", "filter": {"entity": 1}},
            "`filter`: entity must be a text, or a list of at most 1000 texts.",
        ),
        ({"meter": "forms", "filter": {"entity": "x"}}, "`filter`: no usage or grant has named an entity 'x'."),
        ({"meter": "forms", "top": 0}, "`top` must be from 1 to 100, not 0."),
        ({"meter": "forms", "top": 101}, "`top` must be from 1 to 100, not 101."),
        (
            {"meter": "forms", "interval": Interval.HOUR},
            "Usage is counted by day: the interval is DAY, WEEK or MONTH.",
        ),
        ({"meter": "forms", "start": NOW + DAY}, "`from` must be from 1970-01-02 up to now."),
        ({"meter": "forms", "start": NOW, "end": NOW}, "`from` must be before `to`."),
        ({"meter": "forms", "end": datetime(1970, 1, 1, tzinfo=UTC)}, "`to` must be after 1970-01-02."),
        (
            {"meter": "forms", "start": datetime(1970, 1, 2, tzinfo=UTC), "top": 1},
            "The answer would have more than 10000 points, at 1 series and the rest. Choose a shorter time, a longer "
            "interval or a smaller `top`.",
        ),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(engine: Engine, asked: dict[str, Any], message: str) -> None:
    engine.license("acme", "UTC", {})
    with pytest.raises(BadInput) as refused:
        explored(engine, **asked)
    assert str(refused.value) == message


def test_a_time_after_now_is_now(engine: Engine) -> None:
    engine.license("acme", "Pacific/Kiritimati", {})
    found = explored(engine, meter="forms", start=NOW - DAY, end=datetime.max.replace(tzinfo=UTC))
    assert found.query.days == DayRange(date(2026, 3, 15), date(2026, 3, 16))


@given(
    st.dates(date(1970, 1, 2), date(2100, 1, 1)),
    st.integers(0, 800),
    st.sampled_from([Interval.DAY, Interval.WEEK, Interval.MONTH]),
)
def test_intervals_cover_each_day_once(first: date, length: int, interval: Interval) -> None:
    last = first + length * DAY
    intervals = list(divide_range(DayRange(first, last), interval))
    assert (intervals[0].first, intervals[-1].last) == (first, last)
    assert all(one.last + DAY == other.first for one, other in pairwise(intervals))
    for one in intervals:
        assert one.first <= one.last
        match interval:
            case Interval.DAY:
                assert one.first == one.last
            case Interval.WEEK:
                assert one.first.isocalendar()[:2] == one.last.isocalendar()[:2]
            case _:
                assert (one.first.year, one.first.month) == (one.last.year, one.last.month)
