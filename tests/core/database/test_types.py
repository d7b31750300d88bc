"""Column types that mean the same on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from core.database.engine import Database
from core.database.types import ExactDecimal, Json, Microseconds, Name, UtcDateTime
from tests.forms import examples

QUIET = examples(30)
ZONES = [ZoneInfo(name) for name in ("UTC", "Asia/Kathmandu", "America/St_Johns", "Europe/Brussels")]
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.sampled_from(ZONES))  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def kept(database: Database, kind: Any, *values: object) -> list[Any]:
    """The values as they come back from a table, in the order of the database."""
    # PostgreSQL remembers its plan for a statement on a table of the same name, which is to be of the same type.
    table = sa.Table(f"kept_{getattr(kind, '__name__', 'name').lower()}", sa.MetaData(), sa.Column("value", kind))
    with database.write() as session:
        connection = session.connection()
        table.create(connection)
        if values:
            connection.execute(table.insert(), [{"value": value} for value in values])
        found = connection.execute(sa.select(table.c.value).order_by(table.c.value)).scalars().all()
        table.drop(connection)
    return list(found)


@QUIET
@given(st.lists(TIMES, unique=True, max_size=20), st.sampled_from([UtcDateTime, Microseconds]))
def test_an_instant_comes_back_in_utc_and_in_order(database: Database, times: list[datetime], kind: Any) -> None:
    found = kept(database, kind, *times)
    assert found == sorted(time.astimezone(UTC) for time in times)
    assert all(time.tzinfo is UTC for time in found)


@pytest.mark.parametrize("kind", [UtcDateTime, Microseconds])
def test_a_microsecond_is_kept_whatever_the_offset(database: Database, kind: Any) -> None:
    east = datetime(2026, 3, 15, 1, 2, 3, 456789, timezone(timedelta(hours=5, minutes=45)))
    assert kept(database, kind, east) == [datetime(2026, 3, 14, 19, 17, 3, 456789, UTC)]


@pytest.mark.parametrize("kind", [UtcDateTime, Microseconds])
def test_a_time_without_a_zone_is_refused(database: Database, kind: Any) -> None:
    with pytest.raises((StatementError, TypeError)):
        kept(database, kind, datetime(2026, 3, 15))  # noqa: DTZ001


@QUIET
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), max_size=20))
def test_a_decimal_comes_back_digit_by_digit(database: Database, numbers: list[Decimal]) -> None:
    assert sorted(map(str, kept(database, ExactDecimal, *numbers))) == sorted(map(str, numbers))


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@QUIET
@given(st.dictionaries(TEXTS, DOCUMENTS, max_size=3))
def test_a_document_comes_back_as_it_was(database: Database, document: dict[str, object]) -> None:
    assert kept(database, Json, document) == [document]


@QUIET
@given(st.lists(TEXTS, unique=True, max_size=20))
def test_names_are_kept_and_ordered_by_code_points(database: Database, names: list[str]) -> None:
    assert kept(database, Name, *names) == sorted(names)


def test_nothing_is_kept_as_nothing(database: Database) -> None:
    for kind in (UtcDateTime, Microseconds, ExactDecimal, Json, Name):
        assert kept(database, kind, None) == [None]
