-- Admission on PostgreSQL, see core/admission/store_postgresql.py. %b is a parameter in PostgreSQL's binary form.
--
-- Rows are looked up in a subquery with OFFSET 0. The planner then uses the whole key, also for a table that it has no
-- statistics of.

-- name: find
-- The stored state of each installation, by its position among the parameters.
SELECT asked.number, kept.place, kept.seen, kept.refused_at, kept.retry_at
FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) WITH ORDINALITY AS asked(license_id, meter, digest, number)
CROSS JOIN LATERAL (
  SELECT * FROM installation AS kept
  WHERE kept.license_id = asked.license_id AND kept.meter = asked.meter AND kept.digest = asked.digest OFFSET 0
) AS kept

-- name: versions
-- The newest contract version of each license.
SELECT license_id, max(version) FROM contract WHERE license_id = ANY (%b::bigint[]) GROUP BY license_id

-- name: admit
-- Give places to installations that have none, for several quotas at once.
-- Parameters: the columns of quota; the columns of given, one row for each installation; the present time.
-- The transaction does not wait for the disk, so that the counter of a license is locked briefly; see flush.
WITH quota AS (
  SELECT * FROM unnest(
    %b::int[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::int[], %b::date[]
  ) AS quota(number, license_id, meter, starts_at, ends_at, quota, versions, day)
  WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
), given AS (
  SELECT * FROM unnest(%b::int[], %b::bytea[], %b::text[]) WITH ORDINALITY
  AS given(number, digest, identifier, place_in_line)
), counter AS (
  SELECT quota.*, kept.used, kept.places,
         kept.quota IS NOT DISTINCT FROM quota.quota AND kept.ends_at = quota.ends_at AS same,
         quota.versions = (SELECT coalesce(max(version), 0) FROM contract WHERE license_id = quota.license_id)
         AS current
  FROM quota LEFT JOIN LATERAL (
    SELECT * FROM admission_window AS kept WHERE kept.license_id = quota.license_id
    AND kept.meter = quota.meter AND kept.starts_at = quota.starts_at OFFSET 0
  ) AS kept ON true
), held AS (
  SELECT given.*, quota.license_id, quota.meter, quota.starts_at,
         kept.place >= quota.starts_at AS has_place, kept.seen IS NOT NULL AS came_back
  FROM given JOIN quota USING (number) LEFT JOIN LATERAL (
    SELECT * FROM installation AS kept
    WHERE kept.license_id = quota.license_id AND kept.meter = quota.meter AND kept.digest = given.digest OFFSET 0
  ) AS kept ON true
), waiting AS (
  SELECT *, row_number() OVER (PARTITION BY number ORDER BY place_in_line) AS rank
  FROM held WHERE has_place IS NOT TRUE
), admitted AS (
  INSERT INTO installation AS kept (license_id, meter, digest, identifier, place, seen)
  SELECT license_id, meter, digest, identifier, waiting.starts_at, %b::bigint
  FROM waiting JOIN counter USING (number, license_id, meter)
  WHERE same AND current AND (places IS NULL OR rank <= places - used)
  ORDER BY license_id, meter, digest
  ON CONFLICT (license_id, meter, digest) DO UPDATE
  SET identifier = excluded.identifier, place = excluded.place, seen = excluded.seen,
      refused_at = NULL, retry_at = NULL
  WHERE kept.place IS NULL OR kept.place < excluded.place
  RETURNING license_id, meter, digest
), total AS (
  SELECT number, array_agg(digest) AS digests, count(*) AS admitted, count(*) FILTER (WHERE NOT came_back) AS new
  FROM admitted JOIN held USING (license_id, meter, digest) GROUP BY number
), locked AS (
  SELECT kept.license_id, kept.meter, kept.starts_at, total.*, quota.day
  FROM total JOIN quota USING (number) CROSS JOIN LATERAL (
    SELECT * FROM admission_window AS kept WHERE kept.license_id = quota.license_id
    AND kept.meter = quota.meter AND kept.starts_at = quota.starts_at FOR UPDATE
  ) AS kept
), counted AS (
  UPDATE admission_window AS kept SET used = kept.used + locked.admitted, new = kept.new + locked.new
  FROM locked
  WHERE kept.license_id = locked.license_id AND kept.meter = locked.meter AND kept.starts_at = locked.starts_at
  RETURNING locked.number, locked.license_id, locked.meter, locked.starts_at, locked.day, locked.admitted,
            kept.used, kept.places
), daily AS (
  INSERT INTO admission_day AS kept (license_id, meter, starts_at, day, admitted)
  SELECT license_id, meter, starts_at, day, admitted FROM counted ORDER BY license_id, meter
  ON CONFLICT (license_id, meter, starts_at, day) DO UPDATE SET admitted = kept.admitted + excluded.admitted
)
SELECT counter.same, counter.current, coalesce(counted.used, counter.used),
       CASE WHEN counted.number IS NULL THEN counter.places ELSE counted.places END,
       total.digests,
       (SELECT array_agg(held.digest) FROM held WHERE held.number = counter.number AND has_place)
FROM counter LEFT JOIN counted USING (number) LEFT JOIN total USING (number) ORDER BY counter.number

-- name: open_window
-- Insert the counters of a window, or update them to the quota. No row if the contract has a newer version.
INSERT INTO admission_window AS kept
  (license_id, meter, starts_at, ends_at, time_zone, quota, places, used, new, lost, refused)
SELECT %b::bigint, %b::text, %b::bigint, %b::bigint, %b::text, %b::bigint, %b::bigint, 0, 0, 0, 0
WHERE (SELECT coalesce(max(version), 0) FROM contract WHERE license_id = %b::bigint) = %b::int
ON CONFLICT (license_id, meter, starts_at) DO UPDATE
SET ends_at = excluded.ends_at, time_zone = excluded.time_zone, quota = excluded.quota,
    places = greatest(excluded.quota, CASE WHEN excluded.quota IS NOT NULL THEN kept.used END)
RETURNING 1

-- name: refuse
-- Record a refusal of installations that have no place and are not backing off; returns their digests.
WITH quota AS (
  SELECT %b::bigint AS license_id, %b::text AS meter, %b::bigint AS starts_at,
         %b::bigint AS refused_at, %b::bigint AS retry_at
  WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
), given AS (
  SELECT unnest(%b::bytea[]) AS digest
), held AS (
  SELECT given.digest, kept.refused_at >= quota.starts_at AS counted
  FROM given CROSS JOIN quota LEFT JOIN LATERAL (
    SELECT * FROM installation AS kept
    WHERE kept.license_id = quota.license_id AND kept.meter = quota.meter AND kept.digest = given.digest OFFSET 0
  ) AS kept ON true
), refused AS (
  INSERT INTO installation AS kept (license_id, meter, digest, refused_at, retry_at)
  SELECT license_id, meter, digest, refused_at, retry_at FROM given CROSS JOIN quota ORDER BY digest
  ON CONFLICT (license_id, meter, digest) DO UPDATE
  SET refused_at = excluded.refused_at, retry_at = excluded.retry_at
  WHERE (kept.place IS NULL OR kept.place < (SELECT starts_at FROM quota))
  AND (kept.retry_at IS NULL OR kept.retry_at <= excluded.refused_at)
  RETURNING digest
), counted AS (
  UPDATE admission_window AS kept SET refused = kept.refused + total.refused
  FROM quota, (SELECT count(*) AS refused FROM refused JOIN held USING (digest) WHERE counted IS NOT TRUE) AS total
  WHERE kept.license_id = quota.license_id AND kept.meter = quota.meter AND kept.starts_at = quota.starts_at
  AND total.refused > 0
)
SELECT array_agg(digest) FROM refused

-- name: flush
-- Commit a message that nobody reads: on commit, all transactions before it are on disk as well.
SELECT pg_logical_emit_message(true, 'allowance', '')

-- name: mark_seen
-- Set the time of the last check-in, except for rows that another transaction holds.
WITH free AS MATERIALIZED (
  SELECT kept.ctid AS place FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) AS asked(license_id, meter, digest)
  CROSS JOIN LATERAL (
    SELECT ctid FROM installation AS kept
    WHERE kept.license_id = asked.license_id AND kept.meter = asked.meter AND kept.digest = asked.digest
    AND (kept.seen IS NULL OR kept.seen < %b::bigint) FOR UPDATE SKIP LOCKED
  ) AS kept
)
UPDATE installation SET seen = %b::bigint WHERE ctid = ANY (ARRAY(SELECT place FROM free))
