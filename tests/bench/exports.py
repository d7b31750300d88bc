"""Exports of many rows: what they hold in memory, and how fast they are."""

import csv
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import httpx2
from sqlalchemy import text

from core.access.keys import Scope
from core.database.engine import Database
from core.exports.formats import ExportFormat
from core.licenses.tables import License
from tests.bench import places
from tests.bench.findings import Finding, Found, Remark, Scale
from tests.cli.command import COMMAND

DAYS: Final = 1_000
"""Days of each series."""
LICENSE: Final = "bench"
URL_PATH: Final = f"/exports/usage?license={LICENSE}"
AIM: Final = 200
"""Megabytes of memory that an export may take."""
HANG_UPS: Final = 20
SLOW_READS: Final = 50
SLOW_SECONDS: Final = 5
PART: Final = 16 * 1024
_SERIES: Final = """
INSERT INTO usage_series (id, license_id, event, entity, dimensions)
SELECT n, 1, 'interaction.sent', 'entity-' || n, '{"channel":"print"}' FROM """
_SUMS: Final = """
INSERT INTO usage_sum (license_id, series_id, day, shard, whole, nanos, events)
SELECT 1, numbers.n, days.day, 0, 1 + numbers.n % 7, 500000000, 1 FROM """
_NUMBERS: Final = {
    "sqlite": "(WITH RECURSIVE more(n) AS (VALUES({0}) UNION ALL SELECT n + 1 FROM more WHERE n < {1})"
    " SELECT n FROM more) AS numbers",
    "postgresql": "generate_series({0}, {1}) AS numbers(n)",
}
_DAYS: Final = {
    "sqlite": "(WITH RECURSIVE more(day) AS (VALUES('{0}') UNION ALL SELECT date(day, '+1 day') FROM more LIMIT {1})"
    " SELECT day FROM more) AS days",
    "postgresql": "(SELECT date '{0}' + n AS day FROM generate_series(0, {1} - 1) AS n) AS days",
}
_BARE: Final = """
SELECT entity, dimensions, day, whole, nanos FROM usage_sum JOIN usage_series ON usage_series.id = series_id
WHERE usage_sum.license_id = 1 ORDER BY series_id, day
"""


def run(scale: Scale) -> Iterator[Found]:
    """The memory and the speed of exports of usage, by command and over HTTP, on both databases."""
    sizes = scale.of((10_000, 50_000), (50_000, 200_000), (300_000, 3_000_000, 30_000_000))
    for name, place in (("SQLite", places.sqlite), ("PostgreSQL", places.postgresql)):
        with ExitStack() as stack:
            url = stack.enter_context(place())
            database = stack.enter_context(places.opened(url))
            fill(database, 0, sizes[0])
            yield from over_http(name, url, database, sizes[0])
            yield from by_command(name, url, database, sizes)


def by_command(name: str, url: str, database: Database, sizes: tuple[int, ...]) -> Iterator[Found]:
    """The peak memory of ``allowance export`` from the first number of rows on, and its speed beside a bare cursor."""
    filled, peaks, rates, yardsticks = (
        sizes[0],
        dict[ExportFormat, list[float]](),
        dict[ExportFormat, list[float]](),
        [],
    )
    for rows in sizes:
        fill(database, filled, rows)
        filled = rows
        yardsticks.append(_bare(database, rows))
        for format in ExportFormat:
            peak, seconds = export(url, format)
            peaks.setdefault(format, []).append(peak)
            rates.setdefault(format, []).append(rows / seconds)
    for format in ExportFormat:
        most = max(peaks[format])
        ours, figures = f"memory of {format}, {sizes[-1]:,} rows, {name}", (peaks[format][-1], peaks[format][0])
        yield Finding(ours, f"{sizes[0]:,} rows", "MB", figures, [most / peaks[format][0]], f"≤ {AIM} MB")
        ratios = [ours / bare for ours, bare in zip(rates[format], yardsticks, strict=True)]
        yield Finding(
            f"{format}, {name}", "a bare cursor and csv", "rows/s", (rates[format][-1], yardsticks[-1]), ratios
        )
        yield Remark(
            "; ".join(f"{rows:,} rows: {peak:.0f} MB" for rows, peak in zip(sizes, peaks[format], strict=True))
        )


def over_http(name: str, url: str, database: Database, rows: int) -> Iterator[Found]:
    """What a server holds after an export, after several at once, and after clients that read slowly or hang up."""
    tokens = [places.new_token(database, Scope.CONSUMPTION_READ) for _ in range(2)]
    with places.server(url) as server, ThreadPoolExecutor() as threads:
        noted = {"at rest": server.memory()}

        def note(what: str, *clients: Callable[[], object]) -> None:
            for done in [threads.submit(client) for client in clients]:
                done.result()
            noted[what] = server.memory()

        for format in ExportFormat:
            note(f"one {format}", partial(read, server.address, tokens[0], format))
        formats = [*ExportFormat, ExportFormat.PARQUET]
        note(
            "four at once", *(partial(read, server.address, tokens[n % 2], format) for n, format in enumerate(formats))
        )
        slow = partial(read_slowly, server.address, tokens[0])
        note("slow readers", slow, slow, partial(read, server.address, tokens[1], ExportFormat.PARQUET))
        note("clients that hang up", *[partial(hang_up, server.address, tokens[0])] * HANG_UPS)
    known = {what: memory for what, memory in noted.items() if memory}
    if not known:
        yield Remark("Memory: only Linux says how much a process holds.")
        return
    most = known["clients that hang up"][1]
    rest = known["at rest"][0]
    yield Finding(f"server at the most, {name}", "at rest", "MB", (most, rest), [most / rest], f"≤ + {AIM} MB")
    yield Remark(f"{rows:,} rows; " + "; ".join(f"{what} {now:.0f} MB" for what, (now, _) in known.items()))


def fill(database: Database, filled: int, rows: int) -> None:
    """Add rollups of a license until there are so many."""
    if filled == rows:
        return
    kind = "sqlite" if database.is_sqlite else "postgresql"
    numbers = _NUMBERS[kind].format(filled // DAYS + 1, rows // DAYS)
    days = _DAYS[kind].format(date(2023, 1, 1), DAYS)
    with database.write() as session:
        if not filled:
            session.add(License(id=1, key=LICENSE, name="Bench", time_zone="UTC", created_at=datetime.now(UTC)))
            session.flush()
        session.execute(text((_SERIES + numbers).replace(":", "\\:")))
        session.execute(text(f"{_SUMS} {numbers} CROSS JOIN {days} ORDER BY numbers.n, days.day"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def export(url: str, format: ExportFormat) -> tuple[float, float]:
    """Return the peak memory of ``allowance export`` in MB, and its seconds."""
    environment: Mapping[str, str] = {**os.environ, "ALLOWANCE_DATABASE_URL": url}
    arguments = [str(COMMAND), "export", "usage", "--license", LICENSE, "--format", format, "--output", os.devnull]
    began, most = monotonic(), 0.0
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL) as process:
        # Asked while it runs, as the usage of a child that is over counts what this process held when it was started.
        while process.poll() is None:
            with suppress(FileNotFoundError, ProcessLookupError, IndexError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                most = max(most, int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)
            sleep(0.02)
    assert process.returncode == 0
    return most, monotonic() - began


def _bare(database: Database, rows: int) -> float:
    """Return the rows a second that a cursor and csv reach alone, with the amounts as decimals."""
    began, read = monotonic(), 0
    with Path(os.devnull).open("w") as file, database.read() as session:
        writer = csv.writer(file)
        for entity, dimensions, day, whole, nanos in session.execute(
            text(_BARE), execution_options={"yield_per": 1_000}
        ):
            writer.writerow((LICENSE, day, entity, dimensions, whole + Decimal(nanos).scaleb(-9)))
            read += 1
    assert read == rows
    return read / (monotonic() - began)


def read(address: str, token: str, format: ExportFormat) -> None:
    """Read an export to its end."""
    for _ in _parts(address, token, format):
        pass


def read_slowly(address: str, token: str) -> None:
    """Read so little a second that the server has to wait, and hang up after some seconds."""
    for _ in islice(_parts(address, token, ExportFormat.CSV), SLOW_READS):
        sleep(SLOW_SECONDS / SLOW_READS)


def hang_up(address: str, token: str) -> None:
    """Read the first part of an export, and hang up."""
    next(_parts(address, token, ExportFormat.NDJSON))


def _parts(address: str, token: str, format: ExportFormat) -> Iterator[bytes]:
    headers, busy = {"Authorization": f"Bearer {token}"}, True
    while busy:
        with httpx2.stream("GET", f"{address}{URL_PATH}&format={format}", headers=headers, timeout=None) as answer:
            busy = answer.status_code == 429  # a client that hung up is noticed with the next page
            if not busy:
                assert answer.status_code == 200
                yield from answer.iter_raw(PART)
        if busy:
            sleep(0.1)
