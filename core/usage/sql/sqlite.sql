-- The ledger and its rollups on SQLite, see core/usage/ledger_sqlite.py.

-- name: insert
-- Write the events that the ledger does not hold yet. All rows in one statement: with a statement for each row, every
-- row would wait for other threads to release the interpreter. Of a level it is noted when it was accepted: on arrival,
-- and later than the reports of its day before. The flags spare most batches the reading of a value from each row.
INSERT INTO usage_event (segment, license_id, source, id, series_id, time, day, whole, nanos, accepted, spends)
SELECT CASE WHEN ? AND value ->> 4 < ? THEN 0 ELSE (SELECT max(number) FROM ledger_segment) END,
  value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
  date((value ->> 5) * 86400, 'unixepoch'), value ->> 6, value ->> 7,
  CASE WHEN ? AND value ->> 3 IN (SELECT value FROM json_each(?)) THEN (value ->> 8) + max(?, coalesce((
    SELECT stored.accepted + 1 FROM usage_level AS stored
    WHERE stored.license_id = value ->> 0 AND stored.series_id = value ->> 3
      AND stored.day = date((value ->> 5) * 86400, 'unixepoch')
  ), 0)) END,
  ? AND (value ->> 3) IN (SELECT value FROM json_each(?))
FROM json_each(?) WHERE true ON CONFLICT DO NOTHING

-- name: new_keys
-- Return the keys of the new events as one value, as in find.
SELECT json_group_array(json_array(license_id, source, id)) FROM usage_event WHERE rowid > ?

-- name: find
-- Return the events of these keys as one value: the driver waits for the interpreter again at each row.
SELECT json_group_array(json_array(
  stored.license_id, stored.source, stored.id, stored.series_id, stored.time,
  CAST(strftime('%s', stored.day) AS INTEGER) / 86400, stored.whole, stored.nanos
))
FROM json_each(?) AS given CROSS JOIN usage_event AS stored
  ON stored.license_id = given.value ->> 0 AND stored.source = given.value ->> 1 AND stored.id = given.value ->> 2

-- name: add_to_sums
-- Add the new events of counters to the sums of their days. SQLite has one writer, so the rows above the highest
-- rowid of before are the new ones. Beside max(), source and id are those of the row with the largest time.
INSERT INTO usage_sum AS stored
  (license_id, series_id, day, shard, whole, nanos, events, late, last_time, last_source, last_id, last_accepted)
SELECT license_id, series_id, day, 0, sum(whole) + sum(nanos) / 1000000000, sum(nanos) % 1000000000, count(*),
  CASE WHEN day < (SELECT date((value ->> 1) * 86400, 'unixepoch') FROM json_each(?) WHERE value ->> 0 = license_id)
  THEN count(*) ELSE 0 END,
  max(time), source, id, ?
FROM usage_event WHERE rowid > ? AND series_id NOT IN (SELECT value FROM json_each(?))
GROUP BY license_id, series_id, day
ON CONFLICT (license_id, series_id, day, shard) DO UPDATE
SET whole = stored.whole + excluded.whole, nanos = stored.nanos + excluded.nanos,
    events = stored.events + excluded.events, late = stored.late + excluded.late,
    last_time = max(ifnull(stored.last_time, excluded.last_time), excluded.last_time),
    last_source = CASE WHEN stored.last_time > excluded.last_time THEN stored.last_source ELSE excluded.last_source END,
    last_id = CASE WHEN stored.last_time > excluded.last_time THEN stored.last_id ELSE excluded.last_id END,
    last_accepted =
      CASE WHEN stored.last_time > excluded.last_time THEN stored.last_accepted ELSE excluded.last_accepted END

-- name: keep_newest_levels
-- Replace the levels of days by new events that are newer, or that arrived after the time of a report from a clock
-- ahead had come. A clock that is ahead by less than a second is right.
INSERT INTO usage_level AS stored (license_id, series_id, day, whole, nanos, time, source, event_id, accepted)
SELECT license_id, series_id, day, whole, nanos, time, source, id, accepted
FROM usage_event WHERE rowid > ? AND series_id IN (SELECT value FROM json_each(?))
ORDER BY accepted
ON CONFLICT (license_id, series_id, day) DO UPDATE
SET whole = excluded.whole, nanos = excluded.nanos, time = excluded.time, source = excluded.source,
    event_id = excluded.event_id, accepted = excluded.accepted
WHERE (excluded.time, excluded.accepted, excluded.source, excluded.event_id)
    > (stored.time, coalesce(stored.accepted, stored.time), stored.source, stored.event_id)
  OR (stored.time > stored.accepted + 1000000 AND excluded.accepted >= stored.time AND excluded.time > stored.accepted)

-- name: drop_levels_ahead
-- Delete reports from a clock ahead that fell into the day after that of new events, which arrived after their time.
DELETE FROM usage_level WHERE rowid IN (
  SELECT ahead.rowid
  FROM usage_event AS new JOIN usage_level AS ahead
    ON ahead.license_id = new.license_id AND ahead.series_id = new.series_id AND ahead.day = date(new.day, '+1 day')
  WHERE new.rowid > ? AND new.series_id IN (SELECT value FROM json_each(?))
    AND ahead.time > ahead.accepted + 1000000 AND new.accepted >= ahead.time AND new.time > ahead.accepted
)

-- name: mark_late
-- Mark the licenses whose new events are of a day before today.
INSERT INTO late_usage AS stored (license_id, since, revision)
SELECT license_id, min(day), 1 FROM usage_event
WHERE rowid > ? AND day < date(? * 86400, 'unixepoch') AND license_id IN (SELECT value FROM json_each(?))
GROUP BY license_id
ON CONFLICT (license_id) DO UPDATE SET since = min(stored.since, excluded.since), revision = stored.revision + 1
