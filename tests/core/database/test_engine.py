"""Sessions for reading and for writing, on both databases."""

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, select

from core.database.dialect import insert_into, parts
from core.database.engine import Database, is_away
from core.licenses.tables import License
from core.usage.tables import LateUsage
from tests.fixtures.engine import NOW


def add(session: Session, key: str) -> None:
    session.add(License(key=key, name=key, time_zone="UTC", created_at=NOW))


def keys(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.exec(select(License.key)))


def test_a_block_of_writing_is_committed_at_its_end_or_rolled_back_where_it_raises(database: Database) -> None:
    with database.write() as session:
        add(session, "a")
    with pytest.raises(IntegrityError), database.write() as session:
        session.add_all(License(key=key, name=key, time_zone="UTC") for key in ("b", "a"))
    assert keys(database) == ["a"]


def test_what_is_read_in_a_block_is_of_one_moment(database: Database) -> None:
    with database.write() as session:
        add(session, "a")
    with database.read() as reader:
        assert reader.exec(select(License.key)).all() == ["a"]
        with database.write() as session:
            add(session, "b")
        assert reader.exec(select(License.key)).all() == ["a"]
    assert keys(database) == ["a", "b"]


def test_a_block_of_reading_changes_nothing(database: Database) -> None:
    try:
        with database.read() as session:
            add(session, "a")
            session.flush()
    except DBAPIError:  # PostgreSQL says so at once
        pass
    assert keys(database) == []


def test_one_who_writes_waits_for_another_instead_of_failing(database: Database) -> None:
    with database.write() as session:
        add(session, "0")
        session.add(LateUsage(license_id=1, since=date(2026, 1, 1)))

    def write(number: int) -> None:
        for _ in range(10):
            with database.write() as session:
                mark = session.exec(select(LateUsage).with_for_update()).one()
                mark.revision += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.exec(select(LateUsage.revision)).one() == 61


def test_a_foreign_key_is_held(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(LateUsage(license_id=7, since=date(2026, 1, 1)))


def test_an_insert_can_be_told_what_to_do_on_conflict(database: Database) -> None:
    row = {"key": "a", "name": "a", "time_zone": "UTC", "created_at": NOW}
    for _ in range(2):
        with database.write() as session:
            session.execute(insert_into(session, License).values(row).on_conflict_do_nothing())
    assert keys(database) == ["a"]


def test_sqlite_makes_the_directory_and_keeps_what_was_committed_through_a_power_cut(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/deeper/allowance.db")
    with database.read() as session:
        pragmas = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_a_database_that_is_away_is_told_from_a_statement_that_is_wrong(database: Database, tmp_path: Path) -> None:
    away = [f"sqlite:///{tmp_path}/", "postgresql://nobody@127.0.0.1:1/nothing"]
    for url in away:
        gone = Database(url)
        with pytest.raises(DBAPIError) as error, gone.read() as session:
            session.execute(sa.text("SELECT 1"))
        gone.close()
        assert is_away(error.value)
    for wrong in ("SELEKT 1", "SELECT * FROM nothing"):
        with pytest.raises(DBAPIError) as error, database.read() as session:
            session.execute(sa.text(wrong))
        assert not is_away(error.value)
    assert not is_away(ValueError())


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], []), ([1], [[1]]), ([1, 2, 3], [[1, 2], [3]]), ((1, 2, 3, 4), [[1, 2], [3, 4]]), ({1: 2}, [[1]])],
)
def test_values_in_parts(values: Any, expected: list[list[int]]) -> None:
    assert list(parts(values, 2)) == expected


def test_files_of_sqlite_are_readable_by_their_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "allowance.db"
    database = Database(f"sqlite:///{file}")
    with database.write() as session:
        session.execute(sa.text("CREATE TABLE some (number INTEGER)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
        assert modes == {"allowance.db": 0o600, "allowance.db-wal": 0o600, "allowance.db-shm": 0o600}
    assert file.parent.stat().st_mode & 0o777 == 0o700
    database.close()


def test_a_folder_and_a_file_that_exist_keep_their_modes(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    file = tmp_path / "own.db"
    file.touch(0o640)
    Database(f"sqlite:///{file}").close()
    assert (tmp_path.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o750, 0o640)
