"""What the history of a license takes on disk."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import delete, text

from core.consumption.tables import ReadingHistory
from core.database.engine import Database
from core.runtime import open_runtime
from core.settings import load_settings
from tests.bench import places
from tests.bench.events import everything
from tests.bench.findings import Finding, Found, Remark, Scale
from tests.bench.usage import settle
from tests.fixtures.engine import Engine

LICENSES: Final = 3
YEAR: Final = 365
DAILY: Final = timedelta(days=1)
HOURLY: Final = timedelta(hours=1)
HOUSEKEEPING: Final = timedelta(days=7)
_USED: Final = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)


def run(scale: Scale) -> Iterator[Found]:
    """Bytes of history for a license and a year, every reading changed at every refresh, against the aim."""
    # What was refreshed by the hour long ago is thinned to what daily refreshes leave, so not all the year has to be.
    hourly = scale.of(40, 60, YEAR)
    for name, place in (("PostgreSQL", places.postgresql), ("SQLite", places.sqlite)):
        for refreshes, days, aim in (("daily refreshes", 0, 300_000), ("hourly refreshes", hourly, 2_000_000)):
            size, rows = _size_of_a_year(place(), days)
            what = f"history of a license-year, {refreshes}, {name}"
            yield Finding(what, "the aim", "kB", (size / 1e3, aim / 1e3), [size / aim], "≤ 1")
            yield Remark(f"{rows:,.0f} rows a license" + (f"; {days} days of hourly refreshes" if days else ""))


def _size_of_a_year(place: AbstractContextManager[str], hourly: int) -> tuple[float, float]:
    """Bytes and rows of a license's history of a year, refreshed every hour in its last days and daily before."""
    with ExitStack() as stack:
        url = stack.enter_context(place)
        runtime = stack.enter_context(open_runtime(load_settings(database_url=url)))
        engine = Engine(runtime)
        now = datetime.combine(datetime.now(UTC).date(), time(1), UTC) - timedelta(days=YEAR)
        keys = [f"bench-{number}" for number in range(LICENSES)]
        for key in keys:
            engine.license(key, terms={"profiles": 100_000}, now=now, effective_from=now.date(), starts_on=now.date())
        every = [DAILY] * (YEAR - hourly) + [HOURLY] * (24 * hourly)
        cleaned = now
        for number, pause in enumerate(every):
            events = (everything(runtime.registry, key, now, 1_000 + number) for key in keys)
            engine.backfill(*(event for license in events for event in license), now=now)
            engine.refresh(*keys, now=now)
            now += pause
            if not runtime.database.is_sqlite and now - cleaned > HOUSEKEEPING:
                settle(runtime.database)
                cleaned = now
        rows = _asked(runtime.database, "SELECT count(*) FROM reading_history")
        return _bytes_of_history(runtime.database) / LICENSES, rows / LICENSES


def _bytes_of_history(database: Database) -> int:
    """What the points take with their index."""
    if not database.is_sqlite:
        return _asked(database, "SELECT pg_total_relation_size('reading_history')")
    full = _asked(database, _USED)
    with database.write() as session:
        session.execute(delete(ReadingHistory))
    return full - _asked(database, _USED)


def _asked(database: Database, query: str) -> int:
    with database.read() as session:
        return int(session.execute(text(query)).scalar_one())
