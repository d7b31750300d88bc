"""The upkeep by a role that may read and write rows, and may neither create nor drop tables."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col, select

from core.database.engine import Database
from core.runtime import open_runtime
from core.settings import Settings
from core.usage.segment_tables import AHEAD, make_ahead
from core.usage.tables import LedgerEvent, LedgerSegment
from core.workers.upkeep import upkeep
from tests.fixtures.engine import Engine, usage_event
from tests.fixtures.role import plain_role

pytestmark = [
    pytest.mark.needs("postgres"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
START = datetime(2026, 3, 15, 12, tzinfo=UTC)
MONTH = timedelta(days=33)


@pytest.fixture
def owner(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.write() as session:
        session.execute(sa.update(LedgerSegment).values(opened_at=START))
    yield database
    database.close()


@pytest.fixture
def plain(owner: Database) -> Iterator[Engine]:
    """The engine as a role without DDL."""
    with owner.write() as session:
        session.execute(sa.text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
    with (
        plain_role(owner) as url,
        open_runtime(Settings(database_url=url.render_as_string(hide_password=False))) as runtime,
    ):
        yield Engine(runtime)


def tables(owner: Database) -> set[str]:
    with owner.read() as session:
        names = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass")
        return set(session.execute(names).scalars())


def segments(engine: Engine) -> list[int]:
    with engine.database.read() as session:
        return list(session.exec(select(LedgerSegment.number).order_by(col(LedgerSegment.number))))


def months(engine: Engine, first: int, last: int) -> None:
    """Let months go by, each with an event and its upkeep."""
    for month in range(first, last):
        now = START + month * MONTH
        with time_machine.travel(now, tick=False):
            upkeep(engine.runtime)
        assert engine.send(usage_event("sms.sent", time=now, id=f"e{month:02}"), now=now).accepted == 1


def held(engine: Engine) -> list[str]:
    with engine.database.read() as session:
        return sorted(session.exec(select(LedgerEvent.id)))


def test_segments_made_ahead_are_opened_and_old_ones_emptied_for_the_owner_to_drop(
    owner: Database, plain: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    assert make_ahead(owner)
    assert len(tables(owner)) == 2 + AHEAD
    assert not make_ahead(plain.database)
    plain.license()
    with pytest.raises(ProgrammingError, match="permission denied"), plain.database.write() as session:
        session.execute(sa.text("CREATE TABLE nothing (id int)"))
    months(plain, 0, 6)
    assert segments(plain) == [4, 5, 6]
    assert held(plain) == ["e03", "e04", "e05"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert make_ahead(owner)
    assert tables(owner) == {f"usage_event_{number}" for number in (0, *range(4, 7 + AHEAD))}
    assert held(plain) == ["e03", "e04", "e05"]


def test_without_segments_ahead_one_warning_names_the_command_and_the_ledger_goes_on(
    owner: Database, plain: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    plain.license()
    months(plain, 0, 5)
    assert segments(plain) == [1]
    assert held(plain) == [f"e{month:02}" for month in range(5)]
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "run 'allowance migrate' as the owner of the tables" in warned[0]
    assert make_ahead(owner)
    months(plain, 5, 9)
    assert segments(plain) == [3, 4, 5]
