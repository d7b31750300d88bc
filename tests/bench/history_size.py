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
from tests.bench.findings import Finding, Found, Scale
from tests.fixtures.engine import Engine

LICENSES: Final = 3
YEAR: Final = timedelta(days=365)
_DAILY: Final = ("daily refreshes", timedelta(days=1), 300_000)
_USED: Final = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_HOURLY: Final = ("hourly refreshes", timedelta(hours=1), 2_000_000)


def run(scale: Scale) -> Iterator[Found]:
    """Bytes of history for a license and a year, every reading changed at every refresh, against the aim."""
    daily, hourly = scale.of((60, 3), (365, 15), (365, 365))
    for name, place in (("PostgreSQL", places.postgresql), ("SQLite", places.sqlite)):
        for (refreshes, every, aim), days in ((_DAILY, daily), (_HOURLY, hourly)):
            size = _bytes_in_a_year(place(), every, timedelta(days=days))
            what = f"history of a license-year, {refreshes} ({days} days of them), {name}"
            yield Finding(what, "the aim", "kB", (size / 1e3, aim / 1e3), [size / aim], "≤ 1")


def _bytes_in_a_year(place: AbstractContextManager[str], every: timedelta, lasting: timedelta) -> float:
    """What a license's history of a year takes, from refreshes that often for so long."""
    with ExitStack() as stack:
        url = stack.enter_context(place)
        runtime = stack.enter_context(open_runtime(load_settings(database_url=url)))
        engine = Engine(runtime)
        now = datetime.combine(datetime.now(UTC).date(), time(1), UTC) - lasting
        keys = [f"bench-{number}" for number in range(LICENSES)]
        for key in keys:
            engine.license(key, terms={"profiles": 100_000}, now=now, effective_from=now.date(), starts_on=now.date())
        refreshes = lasting // every
        for number in range(refreshes):
            events = (everything(runtime.registry, key, now, 1_000 + number) for key in keys)
            engine.backfill(*(event for license in events for event in license), now=now)
            engine.refresh(*keys, now=now)
            now += every
        return _bytes_of_history(runtime.database) / LICENSES * (YEAR / lasting)


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
