"""Instants as texts from outside."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import NotAnInstant, parse_instant

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS), st.sampled_from("Tt "))  # noqa: DTZ001
def test_an_instant_is_read_to_the_microsecond_whatever_its_offset(instant: datetime, between: str) -> None:
    found = parse_instant(instant.isoformat(between))
    assert found == instant
    assert found.tzinfo is UTC


def test_what_is_finer_than_a_microsecond_is_cut_off() -> None:
    expected = datetime(2026, 3, 15, 0, 0, 0, 999_999, UTC)
    assert parse_instant("2026-03-15T00:00:00.9999999999999Z") == expected


@pytest.mark.parametrize("text", ["", "now", "2026-03-15", "2026-03-15T00:00:00", "2026-03-15T00:00:00Z ", None, 5])
def test_what_is_no_instant_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(NotAnInstant) as refused:
        parse_instant(text)
    assert str(refused.value) == f"{str(text)!r} is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z"


@pytest.mark.parametrize("text", ["2026-02-30T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_an_instant_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(NotAnInstant, match=r"does not exist$"):
        parse_instant(text)
