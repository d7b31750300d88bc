from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, getcontext, localcontext
from zoneinfo import ZoneInfo

import pytest
from allowance import Grant, LevelCell, Period, SumCell, Usage
from hypothesis import given
from hypothesis import strategies as st

YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
TODAY = date(2026, 6, 15)
DAYS = st.dates(date(2026, 5, 20), date(2026, 6, 30))
AMOUNTS = st.decimals(0, 10**18, places=9)


def sums(*cells: tuple[date, object], event: str = "a.b") -> list[SumCell]:
    return [SumCell(event, day, day, Decimal(str(amount))) for day, amount in cells]


@given(
    cells=st.lists(st.builds(SumCell, st.just("a.b"), DAYS, st.none(), AMOUNTS, st.sampled_from(["", "be", "fr"]))),
    first=DAYS,
    length=st.integers(1, 60),
    as_of=DAYS,
)
def test_a_total_is_the_plain_sum_of_the_days_that_the_view_sees(
    cells: list[SumCell], first: date, length: int, as_of: date
) -> None:
    cells = [SumCell(cell.event, cell.first, cell.first, cell.amount, cell.entity) for cell in cells]
    period = Period(first, first + timedelta(days=length))
    view = Usage(NOON, sums=cells).as_of(as_of)

    last = min(as_of, TODAY)
    assert view.day == last
    with localcontext(prec=200):
        seen = [cell for cell in cells if cell.first in period and cell.first <= last]
        expected = sum((cell.amount for cell in seen), Decimal(0))
        of_be = sum((cell.amount for cell in seen if cell.entity == "be"), Decimal(0))
        parts = view.totals("a.b", period, by="entity")
        assert view.total("a.b", period) == expected
        assert sum(parts.values()) == expected
        assert view.total("a.b", period, entity="be") == of_be == parts.get("be", 0)
        days = view.daily("a.b", by="entity")
        assert {day: sum(part.values()) for day, part in days.items()} == {
            day: sum(cell.amount for cell in cells if cell.first == day)
            for day in {cell.first for cell in cells if cell.first <= last}
        }


@given(cells=st.lists(st.builds(LevelCell, st.just("a.level"), DAYS, AMOUNTS, st.sampled_from(["", "be"]))), on=DAYS)
def test_a_level_is_the_newest_value_of_each_entity_up_to_the_day(cells: list[LevelCell], on: date) -> None:
    cells = list({(cell.entity, cell.day): cell for cell in cells}.values())
    newest: dict[str, LevelCell] = {}
    for cell in sorted(cells, key=lambda cell: cell.day):
        if cell.day <= min(on, TODAY):
            newest[cell.entity] = cell
    usage = Usage(NOON, levels=cells)

    expected = {entity: cell.value for entity, cell in sorted(newest.items())}
    with localcontext(prec=200):
        for view, day in ((usage, on), (usage.as_of(on), None)):
            assert view.levels("a.level", by="entity", on=day) == expected
            assert view.level("a.level", on=day) == (sum(expected.values()) if expected else None)


def test_sums_are_exact_where_the_usual_precision_would_round() -> None:
    huge, tiny = Decimal(2**53 * 10**6), Decimal("0.000000001")
    assert getcontext().prec == 28
    assert huge + tiny == huge

    usage = Usage(NOON, sums=sums((date(2026, 6, 1), huge), (date(2026, 6, 2), tiny), (date(2026, 6, 3), tiny)))

    with localcontext(prec=60):
        assert usage.total("a.b", YEAR) == huge + 2 * tiny
        assert usage.total("a.b", Period(date(2026, 6, 2), date(2026, 6, 4))) == 2 * tiny


def test_the_precision_in_force_is_left_as_it_was() -> None:
    Usage(NOON, sums=sums((TODAY, 1))).total("a.b", YEAR)
    assert getcontext().prec == 28


def test_the_first_and_the_last_day_of_a_period_count_and_the_day_after_does_not() -> None:
    usage = Usage(
        datetime(2027, 3, 1, tzinfo=UTC),
        sums=sums((date(2025, 12, 31), 1), (date(2026, 1, 1), 10), (date(2026, 12, 31), 100), (date(2027, 1, 1), 1000)),
    )
    assert usage.total("a.b", YEAR) == 110


def test_the_day_of_a_measurement_is_the_licenses_own() -> None:
    late = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)
    assert Usage(late, "UTC").day == date(2026, 6, 15)
    assert Usage(late, "Europe/Brussels").day == date(2026, 6, 16)


def test_usage_after_the_day_of_the_measurement_is_not_visible() -> None:
    usage = Usage(
        NOON,
        sums=sums((TODAY, 1), (date(2026, 6, 16), 10)),
        levels=[LevelCell("a.level", date(2026, 6, 16), Decimal(7))],
    )
    assert usage.total("a.b", YEAR) == 1
    assert list(usage.daily("a.b", by="entity")) == [TODAY]
    assert usage.level("a.level", on=date(2026, 6, 20)) is None
    assert usage.as_of(date(2026, 6, 20)).total("a.b", YEAR) == 1


def test_the_total_of_a_period_that_has_not_begun_is_zero() -> None:
    usage = Usage(NOON, sums=sums((date(2026, 6, 1), 5), (date(2026, 6, 10), 7)))
    future = Period(date(2026, 6, 12), date(2026, 7, 1))
    assert usage.as_of(date(2026, 6, 5)).total("a.b", future) == 0
    assert usage.as_of(date(2026, 6, 5)).totals("a.b", future, by="entity") == {}


def test_a_view_of_an_earlier_day_is_at_its_last_instant_and_a_view_of_today_at_the_measurement() -> None:
    usage = Usage(NOON, "Europe/Brussels")
    assert usage.as_of(date(2026, 6, 14)).at == datetime(2026, 6, 14, 21, 59, 59, 999999, tzinfo=UTC)
    assert usage.as_of(TODAY).at == NOON
    assert usage.as_of(date.max).at == NOON


def test_usage_without_a_value_of_the_dimension_is_under_the_empty_text() -> None:
    usage = Usage(
        NOON,
        sums=[
            SumCell("a.b", TODAY, TODAY, Decimal(1), "be", {"channel": "web"}),
            SumCell("a.b", TODAY, TODAY, Decimal(2), "be"),
            SumCell("a.b", TODAY, TODAY, Decimal(4), "", {"channel": "web"}),
        ],
    )
    assert usage.totals("a.b", YEAR, by="channel") == {"": 2, "web": 5}
    assert usage.totals("a.b", YEAR, by="entity") == {"": 4, "be": 3}
    assert usage.total("a.b", YEAR, entity="") == 4


@pytest.mark.parametrize(
    "period",
    [
        Period(date(2026, 2, 1), date(2027, 1, 1)),
        Period(date(2025, 12, 1), date(2026, 3, 1)),
        Period(date(2025, 12, 31), date(2027, 1, 1)),
    ],
    ids=["begins inside", "ends inside", "begins before what is loaded"],
)
def test_a_sum_that_was_not_loaded_is_an_error_and_never_a_part_of_it(period: Period) -> None:
    usage = Usage(
        NOON,
        sums=[SumCell("a.b", YEAR.first, TODAY, Decimal(9))],
        loaded_from={"a.b": YEAR.first},
    )
    assert usage.total("a.b", YEAR) == 9
    with pytest.raises(LookupError, match="set `days` on the meter"):
        usage.total("a.b", period)


def test_single_days_that_were_not_loaded_are_an_error() -> None:
    usage = Usage(NOON, sums=[SumCell("a.b", YEAR.first, TODAY, Decimal(9))])
    with pytest.raises(LookupError, match="set `days` on the meter"):
        usage.daily("a.b", by="entity")
    with pytest.raises(LookupError, match="set `days` on the meter"):
        usage.as_of(date(2026, 6, 1)).total("a.b", YEAR)


def test_a_level_on_a_day_that_was_not_loaded_is_an_error() -> None:
    usage = Usage(NOON, levels=[LevelCell("a.level", TODAY, Decimal(3))], loaded_from={"a.level": TODAY})
    assert usage.level("a.level") == 3
    with pytest.raises(LookupError, match=r"a\.level of 2026-06-14 is not loaded"):
        usage.level("a.level", on=date(2026, 6, 14))


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        Usage(datetime(2026, 6, 15))  # noqa: DTZ001


def test_a_grant_is_visible_from_its_instant_on_also_after_its_expiry() -> None:
    early = Grant("1", Decimal(1), NOON - timedelta(days=9), NOON - timedelta(days=1))
    now = Grant("2", Decimal(1), NOON)
    later = Grant("3", Decimal(1), NOON + timedelta(microseconds=1))
    assert Usage(NOON, grants=[early, now, later]).grants() == (early, now)


def test_a_meter_of_credits_sees_the_grants_for_it_alone() -> None:
    sms, mail, any_meter = (Grant(name, Decimal(1), NOON, meter=name) for name in ("sms", "mail", None))  # type: ignore[arg-type]
    assert Usage(NOON, grants=[sms, mail, any_meter]).grants("sms") == (sms, any_meter)


def test_a_grant_ends_with_the_day_before_midnight_of_its_expiry_in_its_time_zone() -> None:
    brussels = ZoneInfo("Europe/Brussels")
    midnight = datetime(2026, 7, 1, tzinfo=brussels)
    grant = Grant("1", Decimal(1), datetime(2026, 6, 30, 23, tzinfo=UTC), midnight, None, "Europe/Brussels")
    assert grant.first_day == date(2026, 7, 1)
    assert grant.last_day == date(2026, 6, 30)
    assert Grant("2", Decimal(1), NOON, midnight + timedelta(seconds=1), None, "Europe/Brussels").last_day == date(
        2026, 7, 1
    )


def test_the_inventory_lists_each_level_on_its_own() -> None:
    usage = Usage(
        NOON,
        levels=[
            LevelCell("a.level", date(2026, 6, 1), Decimal(1), "be", {"type": "x"}),
            LevelCell("a.level", date(2026, 6, 9), Decimal(2), "be", {"type": "y"}),
            LevelCell("a.level", date(2026, 6, 10), Decimal(3), "be", {"type": "x"}),
        ],
    )
    day = date(2026, 6, 9)
    assert usage.inventory("a.level", on=day) == [
        LevelCell("a.level", day, Decimal(1), "be", {"type": "x"}),
        LevelCell("a.level", day, Decimal(2), "be", {"type": "y"}),
    ]


def test_a_total_is_zero_where_corrections_take_more_than_was_counted_and_days_add_up_exactly() -> None:
    day, before = date(2026, 6, 15), date(2026, 6, 14)
    cells = [
        SumCell("push.sent", before, before, Decimal(3), dimensions={"to": "a"}),
        SumCell("push.sent", day, day, Decimal(-5), dimensions={"to": "a"}),
        SumCell("push.sent", day, day, Decimal(1), dimensions={"to": "b"}),
    ]
    usage = Usage(datetime(2026, 6, 15, 12, tzinfo=UTC), sums=cells)
    june = Period(date(2026, 6, 1), date(2026, 7, 1))
    assert usage.total("push.sent", june) == 0
    assert usage.totals("push.sent", june, by="to") == {"a": 0, "b": 1}
    assert usage.daily("push.sent", by="to") == {before: {"a": 3}, day: {"a": -5, "b": 1}}
    assert usage.as_of(before).total("push.sent", june) == 3
    assert usage.has_negative("push.sent")
    assert not usage.has_negative("other")
