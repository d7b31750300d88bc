"""The ledger and its rollups on PostgreSQL: a batch in one statement."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from core.usage.ledger import EventKey, LedgerRow

# Rows are written in the order of their keys everywhere, so that concurrent batches queue up for the same rows
# and never wait for each other in a circle.
_WRITE: Final = """
WITH given AS (
  SELECT * FROM unnest(
    %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::int[], %b::bigint[], %b::int[], %b::bytea[]
  ) AS given(license_id, source, id, series_id, time, day, whole, nanos, digest)
), new AS (
  INSERT INTO usage_event (license_id, source, id, series_id, time, day, whole, nanos, digest)
  SELECT license_id, source, id, series_id, time, date '1970-01-01' + day, whole, nanos, digest
  FROM given ORDER BY license_id, source COLLATE "C", id COLLATE "C"
  ON CONFLICT DO NOTHING
  RETURNING license_id, source, id, series_id, time, day, whole, nanos
), sums AS (
  INSERT INTO usage_sum AS kept (license_id, series_id, day, shard, whole, nanos, events)
  SELECT license_id, series_id, day, %b, sum(whole) + sum(nanos) / 1000000000, sum(nanos) %% 1000000000, count(*)
  FROM new WHERE series_id <> ALL (%b::bigint[])
  GROUP BY license_id, series_id, day ORDER BY license_id, series_id, day
  ON CONFLICT (license_id, series_id, day, shard) DO UPDATE
  SET whole = kept.whole + excluded.whole, nanos = kept.nanos + excluded.nanos, events = kept.events + excluded.events
), levels AS (
  INSERT INTO usage_level AS kept (license_id, series_id, day, whole, nanos, time, source, event_id)
  SELECT DISTINCT ON (license_id, series_id, day) license_id, series_id, day, whole, nanos, time, source, id
  FROM new WHERE series_id = ANY (%b::bigint[])
  ORDER BY license_id, series_id, day, time DESC, source COLLATE "C" DESC, id COLLATE "C" DESC
  ON CONFLICT (license_id, series_id, day) DO UPDATE
  SET whole = excluded.whole, nanos = excluded.nanos, time = excluded.time, source = excluded.source,
      event_id = excluded.event_id
  WHERE (excluded.time, excluded.source, excluded.event_id) > (kept.time, kept.source, kept.event_id)
), late AS (
  INSERT INTO late_usage AS kept (license_id, since, revision)
  SELECT new.license_id, min(new.day), 1
  FROM new JOIN unnest(%b::bigint[], %b::int[]) AS today(license_id, day) USING (license_id)
  WHERE new.day < date '1970-01-01' + today.day
  GROUP BY new.license_id ORDER BY new.license_id
  ON CONFLICT (license_id) DO UPDATE SET since = least(kept.since, excluded.since), revision = kept.revision + 1
)
SELECT
  CASE WHEN (SELECT count(*) FROM new) < %b
  THEN (SELECT json_agg(json_build_array(license_id, source, id)) FROM new) END,
  (SELECT count(*) FROM new)
"""


def write(
    connection: Connection, rows: Sequence[LedgerRow], levels: Collection[int], today: Mapping[int, int], shard: int
) -> set[EventKey] | None:
    """See :data:`core.usage.ledger.Write`."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    level_ids = list(levels)
    parameters = [*columns, shard, level_ids, level_ids, list(today.keys()), list(today.values()), len(rows)]
    new, count = connection.exec_driver_sql(_WRITE, tuple(parameters)).one()
    return None if count == len(rows) else {(license_id, source, id) for license_id, source, id in new or ()}
