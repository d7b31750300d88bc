"""The yardsticks of ingestion: the rows of a round written again with nothing around it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

import psycopg
from psycopg import sql

from tests.bench.events import BATCH

_COLUMNS: Final = "segment, license_id, source, id, series_id, time, day, whole, nanos"
_INSERT: Final = f"INSERT OR IGNORE INTO usage_event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


class Copy:
    """On PostgreSQL: into tables like the ledger, over one connection."""

    BATCHES: Final = "bare COPY of the same rows into a table with the same key, 1,000 a transaction"
    TEXT: Final = "the same from ready-made text in one transaction"

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        for table in ("copied_in_batches", "copied_as_text"):
            create = sql.SQL("CREATE TABLE {} (LIKE usage_event_1 INCLUDING ALL)").format(sql.Identifier(table))
            self._connection.execute(create)
        self._connection.commit()

    def batches(self, since: str) -> float:
        """Rows in a second, of those of the ledger from an id on, in the order in which they stand there."""
        rows = self._connection.execute(_rows(since)).fetchall()
        parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]

        def write() -> None:
            for part in parts:
                with self._connection.cursor().copy(_into("copied_in_batches")) as copy:
                    for row in part:
                        copy.write_row(row)
                self._connection.commit()

        return len(rows) / seconds_of(write)

    def text(self, since: str) -> float:
        """The same."""
        with self._connection.cursor().copy(sql.SQL("COPY ({}) TO STDOUT").format(_rows(since))) as rows:
            content = b"".join(rows)

        def write() -> None:
            with self._connection.cursor().copy(_into("copied_as_text")) as copy:
                copy.write(content)
            self._connection.commit()

        return content.count(b"\n") / seconds_of(write)

    def close(self) -> None:
        self._connection.close()


class Insert:
    """On SQLite: into the ledger's table, in a file of its own with the same pragmas."""

    BATCHES: Final = "executemany INSERT OR IGNORE of the same rows into the same table, 1,000 a transaction"

    def __init__(self, ledger: Path) -> None:
        self._ledger = sqlite3.connect(ledger)
        self._copy = sqlite3.connect(ledger.with_name("yardstick.db"), isolation_level=None)
        self._copy.execute("PRAGMA journal_mode=WAL")
        self._copy.execute("PRAGMA synchronous=FULL")
        schema = "SELECT sql FROM sqlite_master WHERE tbl_name = 'usage_event' AND sql > ''"
        for (statement,) in self._ledger.execute(schema):
            self._copy.execute(statement)

    def batches(self, since: str) -> float:
        """Rows in a second, of those of the ledger from an id on."""
        query = f"SELECT {_COLUMNS} FROM usage_event WHERE id >= ? ORDER BY rowid"  # noqa: S608
        rows = self._ledger.execute(query, (since,)).fetchall()
        parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]

        def write() -> None:
            for part in parts:
                self._copy.execute("BEGIN IMMEDIATE")
                self._copy.executemany(_INSERT, part)
                self._copy.execute("COMMIT")

        return len(rows) / seconds_of(write)

    def close(self) -> None:
        self._ledger.close()
        self._copy.close()


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = monotonic()
    work()
    return monotonic() - began


def _rows(since: str) -> sql.Composed:
    return sql.SQL("SELECT {} FROM usage_event WHERE id >= {} ORDER BY ctid").format(sql.SQL(_COLUMNS), since)


def _into(table: str) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), sql.SQL(_COLUMNS))
