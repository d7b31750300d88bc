"""The log of outages: a line for the beginning and a line for the end."""

import logging

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from core.database.engine import Database
from core.database.outage_log import OutageLog

LOG = "core.database.outage_log"


def test_an_outage_has_a_line_for_its_beginning_and_one_for_its_end(caplog: pytest.LogCaptureFixture) -> None:
    log = OutageLog()
    error = OperationalError("SELECT 1", None, Exception("no host\nat all"))
    log.end("reading")
    for _ in range(1000):
        log.begin("reading", error)
    log.begin("writing", error)
    for _ in range(1000):
        log.end("reading")
    assert [record.getMessage() for record in caplog.records] == [
        "the database is away, reading fails until further notice: no host",
        "the database is away, writing fails until further notice: no host",
        "the database answers again, reading failed for 0 s",
    ]


def test_each_way_to_a_database_that_is_away_notes_the_outage_once(caplog: pytest.LogCaptureFixture) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    for _ in range(3):
        with pytest.raises(DBAPIError), database.read() as session:
            session.execute(sa.text("SELECT 1"))
        with pytest.raises(DBAPIError), database.write() as session:
            session.execute(sa.text("SELECT 1"))
        with pytest.raises(DBAPIError):
            database.query("SELECT 1", {})
    database.close()
    assert [record.levelno for record in caplog.records if record.name == LOG] == [logging.ERROR] * 2


def test_a_statement_that_is_wrong_is_no_outage(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DBAPIError), database.read() as session:
        session.execute(sa.text("SELEKT 1"))
    assert [record for record in caplog.records if record.name == LOG] == []
