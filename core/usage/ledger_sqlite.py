"""The ledger and its rollups on SQLite: a fixed number of statements for a batch."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from core.usage.ledger import Batch, EventKey

# All rows by one statement: with one for each, every row would wait for other threads to let go of the interpreter.
_INSERT: Final = """
INSERT INTO usage_event (segment, license_id, source, id, series_id, time, day, whole, nanos)
SELECT (SELECT max(number) FROM ledger_segment), value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
  date((value ->> 5) * 86400, 'unixepoch'), value ->> 6, value ->> 7
FROM json_each(?) WHERE true ON CONFLICT DO NOTHING
"""
# There is one writer, so the rows above the highest number of before are the new ones.
_ADD_UP: Final = """
INSERT INTO usage_sum AS kept (license_id, series_id, day, shard, whole, nanos, events)
SELECT license_id, series_id, day, 0, sum(whole) + sum(nanos) / 1000000000, sum(nanos) % 1000000000, count(*)
FROM usage_event WHERE rowid > ? AND series_id NOT IN (SELECT value FROM json_each(?))
GROUP BY license_id, series_id, day
ON CONFLICT (license_id, series_id, day, shard) DO UPDATE
SET whole = kept.whole + excluded.whole, nanos = kept.nanos + excluded.nanos, events = kept.events + excluded.events
"""
_KEEP_NEWEST: Final = """
INSERT INTO usage_level AS kept (license_id, series_id, day, whole, nanos, time, source, event_id)
SELECT license_id, series_id, day, whole, nanos, time, source, id
FROM usage_event WHERE rowid > ? AND series_id IN (SELECT value FROM json_each(?))
ON CONFLICT (license_id, series_id, day) DO UPDATE
SET whole = excluded.whole, nanos = excluded.nanos, time = excluded.time, source = excluded.source,
    event_id = excluded.event_id
WHERE (excluded.time, excluded.source, excluded.event_id) > (kept.time, kept.source, kept.event_id)
"""
_MARK_LATE: Final = """
INSERT INTO late_usage AS kept (license_id, since, revision)
SELECT license_id, min(day), 1 FROM usage_event
WHERE rowid > ? AND day < date(? * 86400, 'unixepoch') AND license_id IN (SELECT value FROM json_each(?))
GROUP BY license_id
ON CONFLICT (license_id) DO UPDATE SET since = min(kept.since, excluded.since), revision = kept.revision + 1
"""


def places(connection: Connection, licenses: Collection[str]) -> Iterable[Any]:
    """Key, id and time zone of each license that there is."""
    statement = "SELECT key, id, time_zone FROM license WHERE key IN (SELECT value FROM json_each(?))"
    return connection.exec_driver_sql(statement, (orjson.dumps(list(licenses)).decode(),))


def write(connection: Connection, batch: Batch) -> set[EventKey] | None:
    """Write the rows that the ledger does not hold yet, and roll them up; their keys, or None where all were new.

    One writer needs no shards.
    """
    last = connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM usage_event").scalar_one()
    # In the order of the key, so that its index is written in one place after the other.
    rows = orjson.dumps([tuple(row) for row in sorted(batch.rows)]).decode()
    count = connection.exec_driver_sql(_INSERT, (rows,)).rowcount
    if count:
        levels = orjson.dumps(list(batch.levels)).decode()
        connection.exec_driver_sql(_ADD_UP, (last, levels))
        if batch.levels:
            connection.exec_driver_sql(_KEEP_NEWEST, (last, levels))
        licenses: dict[int, list[int]] = defaultdict(list)
        for license_id, day in batch.today.items():
            licenses[day].append(license_id)
        first = min(row.day for row in batch.rows)
        # At any moment there are two or three dates on Earth, so that many statements at the most.
        for day, ids in licenses.items():
            if first < day:
                connection.exec_driver_sql(_MARK_LATE, (last, day, orjson.dumps(ids).decode()))
    if count == len(batch.rows):
        return None
    new = connection.exec_driver_sql("SELECT license_id, source, id FROM usage_event WHERE rowid > ?", (last,))
    return {(license_id, source, id) for license_id, source, id in new}
