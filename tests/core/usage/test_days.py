"""The local day of an instant, remembered by the quarter of an hour, is the day that the calendar says."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import EPOCH, microseconds
from core.usage.days import EPOCH_DAY, day_spans, local_day

INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def calendar_day(time_zone: str, time: int) -> date:
    return (EPOCH + timedelta(microseconds=time)).astimezone(ZoneInfo(time_zone)).date()


@given(INSTANTS, st.sampled_from(sorted(available_timezones())))
def test_any_instant_in_any_zone(instant: datetime, time_zone: str) -> None:
    midnight = datetime.combine(instant.astimezone(ZoneInfo(time_zone)).date(), datetime.min.time())
    turn = microseconds(midnight.replace(tzinfo=ZoneInfo(time_zone)))
    for time in (microseconds(instant), turn - 1, turn, turn + 1):
        assert date.fromordinal(EPOCH_DAY + local_day(time_zone, time)) == calendar_day(time_zone, time)


@pytest.mark.parametrize(
    ("time_zone", "around"),
    [
        ("Africa/Monrovia", "1971-03-01T00:44:30Z"),  # 44 minutes and 30 seconds behind, until 1972
        ("America/St_Johns", "2006-10-29T02:31:00Z"),  # from one minute past midnight back to the day before
        ("Asia/Kathmandu", "2026-03-14T18:15:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),  # half an hour of daylight saving
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),  # a day that never was
    ],
)
def test_odd_turns_of_the_day_second_by_second(time_zone: str, around: str) -> None:
    middle = microseconds(datetime.fromisoformat(around))
    spans = list(day_spans(time_zone, middle - 1_000_000_000, middle + 1_000_000_001))
    for seconds in range(-1000, 1001):
        [day] = {span.day for span in spans if span.begin <= middle + seconds * 1_000_000 < span.end}
        assert day == local_day(time_zone, middle + seconds * 1_000_000)
        for time in (middle + seconds * 1_000_000, middle + seconds * 1_000_000 - 1):
            assert date.fromordinal(EPOCH_DAY + local_day(time_zone, time)) == calendar_day(time_zone, time)


@given(INSTANTS, st.integers(1, 5 * 24 * 3600), st.sampled_from(sorted(available_timezones())))
def test_spans_of_days_join_without_a_gap_and_hold_instants_of_their_day(
    instant: datetime, seconds: int, time_zone: str
) -> None:
    begin = microseconds(instant)
    end = begin + seconds * 1_000_000
    spans = list(day_spans(time_zone, begin, end))
    assert [span.begin for span in spans] == [begin, *(span.end for span in spans[:-1])]
    assert spans[-1].end == end
    for span in spans:
        for time in (span.begin, (span.begin + span.end) // 2, span.end - 1):
            assert local_day(time_zone, time) == span.day
    assert all(before.day != after.day for before, after in pairwise(spans))
