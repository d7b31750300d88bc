"""A year of usage behind licenses: the rollups, and if wanted the ledger, that so many events would give.

Made by PostgreSQL, since events one by one would take longer than what is measured.
"""

from datetime import UTC, datetime
from random import Random
from typing import Final

import orjson
from sqlalchemy import Connection, text

from core.database.engine import Database
from core.plugins.registry import Registry
from tests.bench.series import series_of

# What one license's events are, numbered from 0: of which series, on which day, how much. A counter comes ten times
# as often as a level. They are spread evenly over the year up to today.
_PATTERN: Final = """
CREATE TEMPORARY TABLE pattern AS
SELECT slots[n % cardinality(slots) + 1] AS series,
       CAST(:today AS date) - 364 + CAST(n * 365 / :events AS int) AS day,
       1 + n % 7 AS whole,
       n
FROM generate_series(CAST(0 AS bigint), :events - 1) AS n, (SELECT CAST(:slots AS int[]) AS slots) AS given
"""
_SERIES: Final = """
INSERT INTO usage_series (license_id, event, entity, dimensions)
SELECT license.id, one.event, one.entity, one.dimensions FROM license
CROSS JOIN jsonb_to_recordset(CAST(:series AS jsonb)) AS one(event text, entity text, dimensions text)
"""
# The number of a series in the pattern is its place in the list that the series were made from.
_NUMBERED: Final = """
CREATE TEMPORARY TABLE numbered AS
SELECT kept.license_id, kept.id, one.number, one.level FROM usage_series AS kept
JOIN jsonb_to_recordset(CAST(:series AS jsonb))
  AS one(event text, entity text, dimensions text, number int, level bool) USING (event, entity, dimensions)
"""
_SUMS: Final = """
WITH daily AS (SELECT series, day, sum(whole) AS whole, count(*) AS events FROM pattern GROUP BY series, day)
INSERT INTO usage_sum (license_id, series_id, day, shard, whole, nanos, events)
SELECT license_id, id, day, 0, whole, 0, events FROM numbered JOIN daily ON series = number WHERE NOT level
ORDER BY license_id, id, day
"""
_LEVELS: Final = """
WITH daily AS (SELECT DISTINCT ON (series, day) series, day, whole, n FROM pattern ORDER BY series, day, n DESC)
INSERT INTO usage_level (license_id, series_id, day, whole, nanos, time, source, event_id)
SELECT license_id, id, day, whole, 0, (day - date '1970-01-01') * 86400000000, '/bench', lpad(n::text, 12, '0')
FROM numbered JOIN daily ON series = number WHERE level
ORDER BY license_id, id, day
"""
_LEDGER: Final = """
INSERT INTO usage_event (license_id, source, id, series_id, time, day, whole, nanos, segment)
SELECT license_id, '/bench', lpad(n::text, 12, '0'), id, (day - date '1970-01-01') * 86400000000, day, whole, 0,
       1
FROM numbered JOIN pattern ON series = number
ORDER BY license_id, n
"""
_MORE: Final = (
    """
INSERT INTO usage_sum AS kept (license_id, series_id, day, shard, whole, nanos, events)
SELECT license_id, id, CAST(:today AS date), 0, 1, 0, 1 FROM usage_series WHERE NOT event = ANY (:levels)
ORDER BY license_id, id
ON CONFLICT (license_id, series_id, day, shard) DO UPDATE SET whole = kept.whole + 1, events = kept.events + 1
""",
    """
INSERT INTO usage_level AS kept (license_id, series_id, day, whole, nanos, time, source, event_id)
SELECT license_id, id, CAST(:today AS date), 100, 0, 0, '/bench', '' FROM usage_series WHERE event = ANY (:levels)
ORDER BY license_id, id
ON CONFLICT (license_id, series_id, day) DO UPDATE SET whole = kept.whole + 1
""",
)


def make_usage(database: Database, registry: Registry, events: int, *, ledger: bool = False) -> None:
    """So many events behind each license."""
    series = [{**one._asdict(), "number": number} for number, one in enumerate(series_of(registry))]
    slots = [number for number, one in enumerate(series) for _ in range(1 if one["level"] else 10)]
    given = {"series": orjson.dumps(series).decode()}
    Random(0).shuffle(slots)  # noqa: S311
    with database.engine.begin() as connection:
        today = datetime.now(UTC).date()
        connection.execute(text(_PATTERN), {"today": today, "events": events, "slots": slots})
        connection.execute(text(_SERIES), given)
        connection.execute(text(_NUMBERED), given)
        for statement in (_SUMS, _LEVELS, *([_LEDGER] if ledger else [])):
            connection.execute(text(statement))
        connection.exec_driver_sql("DROP TABLE pattern, numbered")
    settle(database)


def more_usage(database: Database, registry: Registry) -> None:
    """A little more of everything today, so that no reading is what it was before."""
    levels = [event.name for event in registry.event_types.values() if event.kind == "level"]
    with database.engine.begin() as connection:
        for statement in _MORE:
            connection.execute(text(statement), {"today": datetime.now(UTC).date(), "levels": levels})
    settle(database)


def settle(database: Database) -> None:
    """Do what the database's own housekeeping would have done by now."""
    with database.engine.connect() as connection:
        autocommit: Connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        autocommit.exec_driver_sql("VACUUM ANALYZE")
