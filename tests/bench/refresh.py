"""The refresh of many licenses."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import func, select, update
from sqlmodel import col

from core.database.engine import Database
from core.database.types import EPOCH
from core.runtime import Runtime, open_runtime
from core.settings import load_settings
from core.usage.tables import UsageLevel, UsageSum
from core.work.jobs import refresh_all_due
from core.work.queue import SCHEDULE
from core.work.tables import RefreshRun, RefreshStatus
from tests.bench import places
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import make_licenses
from tests.bench.usage import make_usage, more_usage
from tests.bench.writes import seconds_of

REFRESH: Final = "refresh of all licenses, one process"
WRITES: Final = "bare COPY of the snapshots and history that it writes into tables with the same keys"


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
        taken = interleaved(rounds, {REFRESH: refresh.take, WRITES: lambda: writes.take(refresh.began)})
        yield compare(taken, REFRESH, WRITES, "s", "≤ 6")
        meters = len(runtime.registry.meters)
        yield Remark(
            f"{licenses:,} licenses × {meters} meters, {licenses * events:,} events behind them in "
            f"{rollup_rows(database):,} rows of rollups; {licenses / median(taken[REFRESH]):,.0f} licenses/s; "
            f"{writes.said()}."
        )


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

    def take(self, began: datetime) -> float:
        """Seconds for the rows that a refresh wrote which began then."""
        written = {
            "snapshot": self._read(sql.SQL("COPY snapshot TO STDOUT")),
            "reading_history": self._read(
                sql.SQL("COPY (SELECT * FROM reading_history WHERE at >= {}) TO STDOUT").format(
                    (began - EPOCH) // timedelta(microseconds=1)
                )
            ),
        }
        self._rows = {table: content.count(b"\n") for table, content in written.items()}
        self._bytes = sum(map(len, written.values()))
        self._connection.execute("TRUNCATE snapshot_copy")
        self._connection.commit()
        return seconds_of(lambda: self._write(written))

    def said(self) -> str:
        """How much it is."""
        rows = " and ".join(f"{count:,} rows of {table}" for table, count in self._rows.items())
        return f"it writes {rows}, {self._bytes / 1e6:.1f} MB as text"

    def close(self) -> None:
        self._connection.close()

    def _read(self, query: sql.SQL | sql.Composed) -> bytes:
        with self._connection.cursor().copy(query) as rows:
            return b"".join(rows)

    def _write(self, written: dict[str, bytes]) -> None:
        for table, content in written.items():
            with self._connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(_copy_of(table))) as copy:
                copy.write(content)
        self._connection.commit()


def _copy_of(table: str) -> sql.Identifier:
    return sql.Identifier(f"{table}_copy")


def rollup_rows(database: Database) -> int:
    with database.read() as session:
        return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in (UsageSum, UsageLevel))
