"""The refresh of many licenses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import func, select, update
from sqlmodel import col

from core.database.engine import Database
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun, RefreshStatus
from core.runtime import Runtime, open_runtime
from core.settings import load_settings
from core.times import EPOCH
from core.usage.tables import UsageLevel, UsageSum
from core.workers.refresh_due import refresh_all_due
from tests.bench import places
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import make_licenses
from tests.bench.usage import make_usage, more_usage
from tests.bench.writes import seconds_of

REFRESH: Final = "refresh of all licenses, one process"
INSERT: Final = "bare INSERT of the rows that it writes, in batches as large, into tables with the same keys"
COPY: Final = "bare COPY of the same rows, in one go"


def run(scale: Scale) -> Iterator[Found]:
    """The refresh of licenses with usage behind them against a bare insert of the rows that it writes."""
    rounds, licenses, events = scale.of((2, 200, 500), (3, 2_000, 500), (3, 10_000, 1_000))
    with ExitStack() as stack:
        url = stack.enter_context(places.postgresql())
        database = stack.enter_context(places.opened(url))
        runtime = stack.enter_context(open_runtime(load_settings(database_url=url)))
        make_licenses(database, licenses)
        make_usage(database, runtime.registry, events)
        refresh = Refresh(runtime)
        writes = stack.enter_context(closing(_Writes(url)))
        batch = runtime.settings.refresh_batch
        taken = interleaved(
            rounds,
            {
                REFRESH: refresh.take,
                INSERT: lambda: writes.insert(refresh.began, batch),
                COPY: lambda: writes.copy(refresh.began),
            },
        )
        yield compare(taken, REFRESH, INSERT, "s", "≤ 6")
        yield compare(taken, REFRESH, COPY, "s")
        meters = len(runtime.registry.meters)
        yield Remark(
            f"{licenses:,} licenses × {meters} meters, {licenses * events:,} events behind them in "
            f"{rollup_rows(database):,} rows of rollups; {licenses / median(taken[REFRESH]):,.0f} licenses/s; "
            f"{writes.said()}."
        )


_ROWS: Final = {
    "snapshot": "SELECT license_id, license_key, version, readings FROM snapshot WHERE %s > 0 ORDER BY license_id",
    "reading_history": "SELECT license_id, at, readings FROM reading_history WHERE at >= %s ORDER BY license_id",
}
_INSERT: Final = {
    "snapshot": "INSERT INTO snapshot_copy (license_id, license_key, version, readings) "
    "SELECT * FROM unnest(%b::bigint[], %b::text[], %b::int[], %b::text[])",
    "reading_history": "INSERT INTO reading_history_copy (license_id, at, readings) "
    "SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::text[])",
}


class Refresh:
    """Rounds of refreshing every license, each with other usage than the round before."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.began = datetime.now(UTC)

    def take(self) -> float:
        """Seconds until nothing is due."""
        more_usage(self._runtime.database, self._runtime.registry)
        self.began = datetime.now(UTC)
        make_due(self._runtime.database, self.began)
        return seconds_of(lambda: refresh_all_due(self._runtime))


def make_due(database: Database, now: datetime) -> None:
    """Have every license refreshed as a whole."""
    due = {"due_at": now, "only_due": False, "status": RefreshStatus.QUEUED, "claim": None}
    with database.write() as session:
        session.execute(update(RefreshRun).where(col(RefreshRun.id) == SCHEDULE).values(due))


class _Writes:
    """What a refresh wrote, written again with nothing around it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._rows = {"snapshot": 0, "reading_history": 0}
        self._bytes = 0
        for table in self._rows:
            create = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)")
            self._connection.execute(create.format(_copy_of(table), sql.Identifier(table)))
        self._connection.commit()

    def insert(self, began: datetime, batch: int) -> float:
        """Seconds for the rows that a refresh wrote which began then, so many licenses in each transaction."""
        rows = {table: self._connection.execute(_ROWS[table], (_micros(began),)).fetchall() for table in _ROWS}
        self._empty()
        return seconds_of(lambda: self._insert(rows, batch))

    def copy(self, began: datetime) -> float:
        """The same as text in one transaction."""
        written = {
            "snapshot": self._read(sql.SQL("COPY snapshot TO STDOUT")),
            "reading_history": self._read(
                sql.SQL("COPY (SELECT * FROM reading_history WHERE at >= {}) TO STDOUT").format(_micros(began))
            ),
        }
        self._rows = {table: content.count(b"\n") for table, content in written.items()}
        self._bytes = sum(map(len, written.values()))
        self._empty()
        return seconds_of(lambda: self._write(written))

    def said(self) -> str:
        """How much it is."""
        rows = " and ".join(f"{count:,} rows of {table}" for table, count in self._rows.items())
        return f"it writes {rows}, {self._bytes / 1e6:.1f} MB as text"

    def close(self) -> None:
        self._connection.close()

    def _empty(self) -> None:
        for table in self._rows:
            self._connection.execute(sql.SQL("TRUNCATE {}").format(_copy_of(table)))
        self._connection.commit()

    def _insert(self, rows: Mapping[str, Sequence[Any]], batch: int) -> None:
        for begin in range(0, len(rows["snapshot"]), batch):
            for table, insert in _INSERT.items():
                columns = [list(column) for column in zip(*rows[table][begin : begin + batch], strict=True)]
                self._connection.execute(insert, columns)
            self._connection.commit()

    def _read(self, query: sql.SQL | sql.Composed) -> bytes:
        with self._connection.cursor().copy(query) as rows:
            return b"".join(rows)

    def _write(self, written: dict[str, bytes]) -> None:
        for table, content in written.items():
            with self._connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(_copy_of(table))) as copy:
                copy.write(content)
        self._connection.commit()


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _copy_of(table: str) -> sql.Identifier:
    return sql.Identifier(f"{table}_copy")


def rollup_rows(database: Database) -> int:
    with database.read() as session:
        return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in (UsageSum, UsageLevel))
