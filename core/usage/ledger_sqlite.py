"""The ledger and its rollups on SQLite: a fixed number of statements for a batch."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import orjson
from sqlalchemy import Connection

from core.usage.ledger import EventKey, LedgerRow

_INSERT: Final = """
INSERT INTO usage_event (license_id, source, id, series_id, time, day, whole, nanos, digest)
VALUES (?, ?, ?, ?, ?, date(? * 86400, 'unixepoch'), ?, ?, ?) ON CONFLICT DO NOTHING
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


def write(
    connection: Connection, rows: Sequence[LedgerRow], levels: Collection[int], today: Mapping[int, int], shard: int
) -> set[EventKey] | None:
    """See :data:`core.usage.ledger.Write`. One writer needs no shards."""
    del shard
    last = connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM usage_event").scalar_one()
    count = connection.exec_driver_sql(_INSERT, [tuple(row) for row in rows]).rowcount
    if count:
        level_ids = orjson.dumps(list(levels)).decode()
        connection.exec_driver_sql(_ADD_UP, (last, level_ids))
        if levels:
            connection.exec_driver_sql(_KEEP_NEWEST, (last, level_ids))
        licenses: dict[int, list[int]] = defaultdict(list)
        for license_id, day in today.items():
            licenses[day].append(license_id)
        # At any moment there are two or three dates on Earth, so that many statements at the most.
        for day, ids in licenses.items():
            if any(row.day < day for row in rows):
                connection.exec_driver_sql(_MARK_LATE, (last, day, orjson.dumps(ids).decode()))
    if count == len(rows):
        return None
    new = connection.exec_driver_sql("SELECT license_id, source, id FROM usage_event WHERE rowid > ?", (last,))
    return {(license_id, source, id) for license_id, source, id in new}
