-- Admission on PostgreSQL, see core/admission/store_postgresql.py. %b is a parameter in PostgreSQL's binary form.
--
-- Rows are looked up in a subquery with OFFSET 0. The planner then uses the whole key, also for a table that it has no
-- statistics of.

-- name: find
-- The stored state of each installation, by its position among the parameters.
SELECT wanted.number, stored.place, stored.seen, stored.refused_at, stored.retry_at
FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) WITH ORDINALITY AS wanted(license_id, meter, digest, number)
CROSS JOIN LATERAL (
  SELECT * FROM installation AS stored
  WHERE stored.license_id = wanted.license_id AND stored.meter = wanted.meter AND stored.digest = wanted.digest OFFSET 0
) AS stored

-- name: revisions
-- The revision of each license.
SELECT id, revision FROM license WHERE id = ANY (%b::bigint[])

-- name: admit
-- Give places to installations that have none, for several quotas at once.
-- Parameters: the columns of quota; the columns of candidate, one row for each installation; the present time.
-- The transaction does not wait for the disk, so that the counter of a license is locked briefly; see flush.
WITH quota AS (
  SELECT * FROM unnest(
    %b::int[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::int[], %b::date[]
  ) AS quota(number, license_id, meter, starts_at, ends_at, quota, revision, day)
  WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
), candidate AS (
  SELECT * FROM unnest(%b::int[], %b::bytea[], %b::text[]) WITH ORDINALITY
  AS candidate(number, digest, identifier, turn)
), counter AS (
  SELECT quota.*, stored.used, stored.places,
         stored.quota IS NOT DISTINCT FROM quota.quota AND stored.ends_at = quota.ends_at AS same,
         quota.revision = (SELECT revision FROM license WHERE id = quota.license_id) AS current
  FROM quota LEFT JOIN LATERAL (
    SELECT * FROM admission_window AS stored WHERE stored.license_id = quota.license_id
    AND stored.meter = quota.meter AND stored.starts_at = quota.starts_at OFFSET 0
  ) AS stored ON true
), known AS (
  SELECT candidate.*, quota.license_id, quota.meter, quota.starts_at, quota.day,
         stored.place >= quota.starts_at AS has_place, stored.seen IS NOT NULL AS came_back
  FROM candidate JOIN quota USING (number) LEFT JOIN LATERAL (
    SELECT * FROM installation AS stored
    WHERE stored.license_id = quota.license_id AND stored.meter = quota.meter
    AND stored.digest = candidate.digest OFFSET 0
  ) AS stored ON true
), waiting AS (
  SELECT *, row_number() OVER (PARTITION BY number ORDER BY turn) AS rank
  FROM known WHERE has_place IS NOT TRUE
), admitted AS (
  INSERT INTO installation AS stored (license_id, meter, digest, identifier, place, seen, first_seen, taken_on)
  SELECT license_id, meter, digest, identifier, waiting.starts_at, present.time, present.time, waiting.day
  FROM waiting JOIN counter USING (number, license_id, meter) CROSS JOIN (SELECT %b::bigint AS time) AS present
  WHERE same AND current AND (places IS NULL OR rank <= places - used)
  ORDER BY license_id, meter, digest
  ON CONFLICT (license_id, meter, digest) DO UPDATE
  SET identifier = excluded.identifier, place = excluded.place, seen = excluded.seen, taken_on = excluded.taken_on,
      first_seen = CASE WHEN stored.seen IS NULL THEN excluded.first_seen ELSE stored.first_seen END,
      refused_at = NULL, retry_at = NULL
  WHERE stored.place IS NULL OR stored.place < excluded.place
  RETURNING license_id, meter, digest
), total AS (
  SELECT number, array_agg(digest) AS digests, count(*) AS admitted, count(*) FILTER (WHERE NOT came_back) AS new
  FROM admitted JOIN known USING (license_id, meter, digest) GROUP BY number
), locked AS (
  SELECT stored.license_id, stored.meter, stored.starts_at, total.*, quota.day
  FROM total JOIN quota USING (number) CROSS JOIN LATERAL (
    SELECT * FROM admission_window AS stored WHERE stored.license_id = quota.license_id
    AND stored.meter = quota.meter AND stored.starts_at = quota.starts_at FOR UPDATE
  ) AS stored
), counted AS (
  UPDATE admission_window AS stored SET used = stored.used + locked.admitted, new = stored.new + locked.new
  FROM locked
  WHERE stored.license_id = locked.license_id AND stored.meter = locked.meter AND stored.starts_at = locked.starts_at
  RETURNING locked.number, locked.license_id, locked.meter, locked.starts_at, locked.day, locked.admitted,
            stored.used, stored.places
), daily AS (
  INSERT INTO admission_day AS stored (license_id, meter, starts_at, day, admitted)
  SELECT license_id, meter, starts_at, day, admitted FROM counted ORDER BY license_id, meter
  ON CONFLICT (license_id, meter, starts_at, day) DO UPDATE SET admitted = stored.admitted + excluded.admitted
)
SELECT counter.same, counter.current, coalesce(counted.used, counter.used),
       CASE WHEN counted.number IS NULL THEN counter.places ELSE counted.places END,
       total.digests,
       (SELECT array_agg(known.digest) FROM known WHERE known.number = counter.number AND has_place)
FROM counter LEFT JOIN counted USING (number) LEFT JOIN total USING (number) ORDER BY counter.number

-- name: open_window
-- Insert the counters of a window, or update them to the quota. No row if the license has another revision.
INSERT INTO admission_window AS stored
  (license_id, meter, starts_at, ends_at, time_zone, quota, places, used, new, lost, refused)
SELECT %b::bigint, %b::text, %b::bigint, %b::bigint, %b::text, %b::bigint, %b::bigint, 0, 0, 0, 0
WHERE (SELECT revision FROM license WHERE id = %b::bigint) = %b::int
ON CONFLICT (license_id, meter, starts_at) DO UPDATE
SET ends_at = excluded.ends_at, time_zone = excluded.time_zone, quota = excluded.quota,
    places = greatest(excluded.quota, CASE WHEN excluded.quota IS NOT NULL THEN stored.used END)
RETURNING 1

-- name: refuse
-- Record a refusal of installations that have no place and are not backing off; returns their digests, and whether they
-- are the first refusals of the window.
-- A stored back-off that is longer than the new back-off is of an earlier contract, and is replaced.
WITH quota AS (
  SELECT %b::bigint AS license_id, %b::text AS meter, %b::bigint AS starts_at,
         %b::bigint AS refused_at, %b::bigint AS retry_at, %b::date AS day
  WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
), candidate AS (
  SELECT unnest(%b::bytea[]) AS digest
), known AS (
  SELECT candidate.digest, stored.refused_at >= quota.starts_at AS counted
  FROM candidate CROSS JOIN quota LEFT JOIN LATERAL (
    SELECT * FROM installation AS stored
    WHERE stored.license_id = quota.license_id AND stored.meter = quota.meter
    AND stored.digest = candidate.digest OFFSET 0
  ) AS stored ON true
), refused AS (
  INSERT INTO installation AS stored (license_id, meter, digest, refused_at, retry_at)
  SELECT license_id, meter, digest, refused_at, retry_at FROM candidate CROSS JOIN quota ORDER BY digest
  ON CONFLICT (license_id, meter, digest) DO UPDATE
  SET refused_at = excluded.refused_at, retry_at = excluded.retry_at
  WHERE (stored.place IS NULL OR stored.place < (SELECT starts_at FROM quota))
  AND (stored.retry_at IS NULL OR stored.retry_at <= excluded.refused_at OR stored.retry_at > excluded.retry_at)
  RETURNING digest
), counted AS (
  UPDATE admission_window AS stored SET refused = stored.refused + total.refused
  FROM quota, (SELECT count(*) AS refused FROM refused JOIN known USING (digest) WHERE counted IS NOT TRUE) AS total
  WHERE stored.license_id = quota.license_id AND stored.meter = quota.meter AND stored.starts_at = quota.starts_at
  AND total.refused > 0
  RETURNING stored.license_id, stored.meter, stored.starts_at, quota.day, total.refused,
            stored.refused = total.refused AS is_first
), daily AS (
  INSERT INTO admission_day AS stored (license_id, meter, starts_at, day, admitted, refused)
  SELECT license_id, meter, starts_at, day, 0, refused FROM counted
  ON CONFLICT (license_id, meter, starts_at, day) DO UPDATE SET refused = stored.refused + excluded.refused
)
SELECT array_agg(digest), coalesce((SELECT is_first FROM counted), false) FROM refused

-- name: flush
-- Commit a message that nobody reads: on commit, all transactions before it are on disk as well.
SELECT pg_logical_emit_message(true, 'allowance', '')

-- name: mark_seen
-- Set the time of the last check-in, except for rows that another transaction holds.
WITH free AS MATERIALIZED (
  SELECT stored.ctid AS place FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) AS wanted(license_id, meter, digest)
  CROSS JOIN LATERAL (
    SELECT ctid FROM installation AS stored
    WHERE stored.license_id = wanted.license_id AND stored.meter = wanted.meter AND stored.digest = wanted.digest
    AND (stored.seen IS NULL OR stored.seen < %b::bigint) FOR UPDATE SKIP LOCKED
  ) AS stored
)
UPDATE installation SET seen = %b::bigint WHERE ctid = ANY (ARRAY(SELECT place FROM free))
