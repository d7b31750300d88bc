-- The ledger and its rollups on PostgreSQL, see core/usage/ledger_postgresql.py.

-- name: write
-- Write the events that the ledger does not hold yet and add them to the rollups.
-- Returns the keys of the new events, or null if all are new, and their number.
--
-- Rows are written in the order of their keys everywhere. Concurrent batches then queue for the same rows and cannot
-- deadlock. Closed segments take no more rows, so a look-up in them is enough. Other writers may insert into the open
-- segment at the same time; its primary key decides. A backfill looks up its rows in the open segment too, as it writes
-- old events into segment 0, which is kept for ever. The subquery with a limit is looked up row by row, whereas
-- NOT EXISTS might read whole segments.
--
-- A sum keeps its newest event: the largest of arrays that begin with the time, in 17 digits, is found without sorting.
--
-- Of a level it is noted when it was accepted: on arrival, and later than the reports of its day before. A report from a
-- clock ahead gives way to a report that arrives after its time has come. A clock that is ahead by less than a second is
-- right.
WITH incoming AS (
  SELECT * FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::int[]
  ) WITH ORDINALITY AS incoming(license_id, source, id, series_id, time, day, whole, nanos, position)
), new AS (
  INSERT INTO usage_event (segment, license_id, source, id, series_id, time, day, whole, nanos, accepted, spends)
  SELECT CASE WHEN time < %s::bigint THEN 0 ELSE (SELECT max(number) FROM ledger_segment) END,
    license_id, source, id, series_id, time, date '1970-01-01' + day, whole, nanos,
    CASE WHEN series_id = ANY (%s::bigint[]) THEN position + greatest(%s::bigint, (
      SELECT stored.accepted + 1 FROM usage_level AS stored
      WHERE stored.license_id = incoming.license_id AND stored.series_id = incoming.series_id
        AND stored.day = date '1970-01-01' + incoming.day
    )) END,
    series_id = ANY (%s::bigint[])
  FROM incoming
  WHERE (SELECT count(*) = 1 AND NOT EXISTS (SELECT FROM usage_event_0) AND %s FROM ledger_segment) OR (
    SELECT true FROM usage_event AS old
    WHERE old.segment < (SELECT CASE WHEN %s THEN max(number) ELSE 32767 END FROM ledger_segment)
      AND old.license_id = incoming.license_id AND old.source = incoming.source AND old.id = incoming.id
    LIMIT 1
  ) IS NULL
  ORDER BY license_id, source COLLATE "C", id COLLATE "C"
  ON CONFLICT DO NOTHING
  RETURNING license_id, source, id, series_id, time, day, whole, nanos, accepted
), sums AS (
  INSERT INTO usage_sum AS stored
    (license_id, series_id, day, shard, whole, nanos, events, late, last_time, last_source, last_id, last_accepted)
  SELECT license_id, series_id, day, %s, whole + nanos / 1000000000, nanos %% 1000000000, events,
    CASE WHEN day < date '1970-01-01' + today THEN events ELSE 0 END, last[1]::bigint, last[2], last[3], %s::bigint
  FROM (
    SELECT license_id, series_id, day, sum(whole) AS whole, sum(nanos) AS nanos, count(*) AS events,
      max(ARRAY[lpad(time::text, 17, '0'), source, id] COLLATE "C") AS last
    FROM new WHERE series_id <> ALL (%s::bigint[]) GROUP BY license_id, series_id, day
  ) AS added JOIN unnest(%s::bigint[], %s::int[]) AS today(license_id, today) USING (license_id)
  ORDER BY license_id, series_id, day
  ON CONFLICT (license_id, series_id, day, shard) DO UPDATE
  SET whole = stored.whole + excluded.whole, nanos = stored.nanos + excluded.nanos,
      events = stored.events + excluded.events, late = stored.late + excluded.late,
      last_time = greatest(stored.last_time, excluded.last_time),
      last_source = CASE WHEN stored.last_time > excluded.last_time THEN stored.last_source ELSE excluded.last_source END,
      last_id = CASE WHEN stored.last_time > excluded.last_time THEN stored.last_id ELSE excluded.last_id END,
      last_accepted =
        CASE WHEN stored.last_time > excluded.last_time THEN stored.last_accepted ELSE excluded.last_accepted END
), levels AS (
  INSERT INTO usage_level AS stored (license_id, series_id, day, whole, nanos, time, source, event_id, accepted)
  SELECT DISTINCT ON (license_id, series_id, day) license_id, series_id, day, whole, nanos, time, source, id, accepted
  FROM new WHERE series_id = ANY (%s::bigint[])
  ORDER BY license_id, series_id, day, time DESC, accepted DESC
  ON CONFLICT (license_id, series_id, day) DO UPDATE
  SET whole = excluded.whole, nanos = excluded.nanos, time = excluded.time, source = excluded.source,
      event_id = excluded.event_id, accepted = excluded.accepted
  WHERE (excluded.time, excluded.accepted, excluded.source, excluded.event_id)
      > (stored.time, coalesce(stored.accepted, stored.time), stored.source, stored.event_id)
    OR (stored.time > stored.accepted + 1000000 AND excluded.accepted >= stored.time AND excluded.time > stored.accepted)
), late AS (
  INSERT INTO late_usage AS stored (license_id, since, revision)
  SELECT new.license_id, min(new.day), 1
  FROM new JOIN unnest(%s::bigint[], %s::int[]) AS today(license_id, day) USING (license_id)
  WHERE new.day < date '1970-01-01' + today.day
  GROUP BY new.license_id ORDER BY new.license_id
  ON CONFLICT (license_id) DO UPDATE SET since = least(stored.since, excluded.since), revision = stored.revision + 1
)
SELECT
  CASE WHEN (SELECT count(*) FROM new) < %s
  THEN (SELECT json_agg(json_build_array(license_id, source, id)) FROM new) END,
  (SELECT count(*) FROM new)

-- name: find
-- Return the events of these keys as one value. The subquery with a limit is looked up row by row, as in write.
SELECT json_agg(json_build_array(
  stored.license_id, stored.source, stored.id, stored.series_id, stored.time,
  stored.day - date '1970-01-01', stored.whole, stored.nanos
))::text
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given(license_id, source, id) CROSS JOIN LATERAL (
  SELECT * FROM usage_event AS one
  WHERE one.license_id = given.license_id AND one.source = given.source AND one.id = given.id
  LIMIT 1
) AS stored

-- name: drop_levels_ahead
-- Delete reports from a clock ahead that fell into the day after that of new events, which arrived after their time.
DELETE FROM usage_level AS ahead
USING usage_event AS new,
  unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::int[]) AS row(license_id, source, id, series_id, day)
WHERE ahead.license_id = row.license_id AND ahead.series_id = row.series_id
  AND ahead.day = date '1970-01-01' + row.day + 1 AND ahead.time > ahead.accepted + 1000000
  AND new.license_id = row.license_id AND new.source = row.source AND new.id = row.id
  AND new.accepted >= ahead.time AND new.time > ahead.accepted
