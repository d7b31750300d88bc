"""The yardsticks of ingestion: the rows of a round written again with nothing around it."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

import psycopg
from psycopg import sql

from tests.bench.events import BATCH

_COLUMNS: Final = "license_id, source, id, series_id, time, day, whole, nanos, digest"


class Copy:
    """On PostgreSQL: into tables like the ledger, over one connection."""

    WHOLE: Final = "bare COPY of the same rows into a table with the same key, one transaction"
    PARTS: Final = "the same, a transaction for each 1,000 rows"

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._lines: list[bytes] = []
        for table in ("copied_whole", "copied_in_parts"):
            create = sql.SQL("CREATE TABLE {} (LIKE usage_event INCLUDING ALL)").format(sql.Identifier(table))
            self._connection.execute(create)
        self._connection.commit()

    def whole(self, since: str) -> float:
        """Rows in a second, of those of the ledger from an id on, in the order in which they stand there."""
        query = sql.SQL("COPY (SELECT {} FROM usage_event WHERE id >= {} ORDER BY ctid) TO STDOUT")
        with self._connection.cursor().copy(query.format(sql.SQL(_COLUMNS), since)) as rows:
            self._lines = b"".join(rows).splitlines(keepends=True)
        self._connection.commit()
        return len(self._lines) / seconds_of(lambda: self._copy("copied_whole", self._lines))

    def in_parts(self) -> float:
        """The same rows as before."""
        parts = [self._lines[start : start + BATCH] for start in range(0, len(self._lines), BATCH)]
        return len(self._lines) / seconds_of(lambda: [self._copy("copied_in_parts", part) for part in parts])

    def close(self) -> None:
        self._connection.close()

    def _copy(self, table: str, lines: Sequence[bytes]) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), sql.SQL(_COLUMNS))
        with self._connection.cursor().copy(statement) as copy:
            copy.write(b"".join(lines))
        self._connection.commit()


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
        return len(rows) / seconds_of(lambda: [self._insert(part) for part in parts])

    def close(self) -> None:
        self._ledger.close()
        self._copy.close()

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> None:
        self._copy.execute("BEGIN IMMEDIATE")
        statement = f"INSERT OR IGNORE INTO usage_event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        self._copy.executemany(statement, rows)
        self._copy.execute("COMMIT")


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = monotonic()
    work()
    return monotonic() - began
