-- Admission on SQLite, see core/admission/store_sqlite.py.

-- name: find
-- The stored state of an installation.
SELECT place, seen, refused_at, retry_at FROM installation WHERE license_id = ? AND meter = ? AND digest = ?

-- name: revision
-- The revision of a license.
SELECT revision FROM license WHERE id = ?

-- name: window
-- The counters of a window.
SELECT used, places, quota, ends_at FROM admission_window WHERE license_id = ? AND meter = ? AND starts_at = ?

-- name: open_window
-- Insert the counters of a window, or update them to the quota.
INSERT INTO admission_window AS stored
  (license_id, meter, starts_at, ends_at, time_zone, quota, places, used, new, lost, refused)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)
ON CONFLICT (license_id, meter, starts_at) DO UPDATE
SET ends_at = excluded.ends_at, time_zone = excluded.time_zone, quota = excluded.quota,
    places = max(excluded.quota, stored.used)

-- name: admit
-- Give a place to an installation.
INSERT INTO installation AS stored (license_id, meter, digest, identifier, place, seen, first_seen, taken_on)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (license_id, meter, digest) DO UPDATE
SET identifier = excluded.identifier, place = excluded.place, seen = excluded.seen, taken_on = excluded.taken_on,
    first_seen = CASE WHEN stored.seen IS NULL THEN excluded.first_seen ELSE stored.first_seen END,
    refused_at = NULL, retry_at = NULL

-- name: count_admitted
UPDATE admission_window SET used = used + ?, new = new + ? WHERE license_id = ? AND meter = ? AND starts_at = ?

-- name: count_admitted_by_day
INSERT INTO admission_day AS stored (license_id, meter, starts_at, day, admitted) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (license_id, meter, starts_at, day) DO UPDATE SET admitted = stored.admitted + excluded.admitted

-- name: refuse
INSERT INTO installation (license_id, meter, digest, refused_at, retry_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (license_id, meter, digest) DO UPDATE SET refused_at = excluded.refused_at, retry_at = excluded.retry_at

-- name: count_refused
UPDATE admission_window SET refused = refused + ? WHERE license_id = ? AND meter = ? AND starts_at = ?
RETURNING refused

-- name: count_refused_by_day
INSERT INTO admission_day AS stored (license_id, meter, starts_at, day, admitted, refused) VALUES (?, ?, ?, ?, 0, ?)
ON CONFLICT (license_id, meter, starts_at, day) DO UPDATE SET refused = stored.refused + excluded.refused

-- name: mark_seen
-- Set the time of the last check-in.
UPDATE installation SET seen = ? WHERE license_id = ? AND meter = ? AND digest = ? AND (seen IS NULL OR seen < ?)
