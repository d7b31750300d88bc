"""Rows that are found by the beginning of their ids."""

import pytest
from sqlmodel import select

from core.database.engine import Database
from core.database.prefixes import find_by_prefix
from core.errors import NotFound
from core.licenses.tables import License
from tests.fixtures.engine import NOW


@pytest.fixture
def licenses(database: Database) -> Database:
    with database.write() as session:
        session.add_all(License(key=key, name=key, time_zone="UTC", created_at=NOW) for key in ("ab1", "ab2", "c3"))
    return database


def find(database: Database, prefix: str) -> str:
    with database.read() as session:
        return find_by_prefix(
            session, select(License), License.key, prefix, plural="licenses", missing="No such license."
        ).key


@pytest.mark.parametrize(("prefix", "key"), [("ab1", "ab1"), ("c", "c3")])
def test_a_row_is_found_by_its_id_or_by_a_beginning_that_no_other_has(
    licenses: Database, prefix: str, key: str
) -> None:
    assert find(licenses, prefix) == key


def test_a_beginning_that_several_rows_have_is_refused(licenses: Database) -> None:
    with pytest.raises(NotFound) as refused:
        find(licenses, "ab")
    assert refused.value.message == "Several licenses begin with 'ab'; give more of the id."


@pytest.mark.parametrize("prefix", ["ab3", "", "%", "_", "\0", "é", "b1"])
def test_a_beginning_that_no_row_has_is_refused(licenses: Database, prefix: str) -> None:
    with pytest.raises(NotFound) as refused:
        find(licenses, prefix)
    assert refused.value.message == "No such license."
