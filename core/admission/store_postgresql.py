"""Admission on PostgreSQL: one statement in autocommit, so that no lock outlives it.

Rows are written in the order of their digests everywhere, and the window's counter after them, so that concurrent
statements queue up and never wait for each other in a circle. What a statement reads may be over by the time it
writes. Then its counter passes the places that there are, the table's own check refuses all of it, and it is
asked again.

The counter of a license is locked by all who are admitted to it, so its lock must not last as long as a disk takes
to write. Places are given in transactions that do not wait for that. Another one waits, once for many and without a
lock: it commits a message that nobody reads, and with it reaches the disk whatever was committed before.

Rows are looked for in a subquery with OFFSET 0, so that the planner goes by the whole key, whatever it believes of a
table that it has no statistics of.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.errors import CheckViolation
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from core.admission.back_off import BackOff
from core.admission.quota import Quota
from core.admission.store import AdmitResult, Candidates, Key, Record
from core.times import microseconds

_FIND: Final = """
SELECT asked.number, kept.place, kept.seen, kept.refused_at, kept.retry_at
FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) WITH ORDINALITY AS asked(license_id, meter, digest, number)
CROSS JOIN LATERAL (
  SELECT * FROM installation AS kept
  WHERE kept.license_id = asked.license_id AND kept.meter = asked.meter AND kept.digest = asked.digest OFFSET 0
) AS kept
"""
_VERSIONS: Final = (
    "SELECT license_id, max(version) FROM contract WHERE license_id = ANY (%b::bigint[]) GROUP BY license_id"
)
_ADMIT: Final = """
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
"""
_OPEN: Final = """
INSERT INTO admission_window AS kept
  (license_id, meter, starts_at, ends_at, time_zone, quota, places, used, new, lost, refused)
SELECT %b::bigint, %b::text, %b::bigint, %b::bigint, %b::text, %b::bigint, %b::bigint, 0, 0, 0, 0
WHERE (SELECT coalesce(max(version), 0) FROM contract WHERE license_id = %b::bigint) = %b::int
ON CONFLICT (license_id, meter, starts_at) DO UPDATE
SET ends_at = excluded.ends_at, time_zone = excluded.time_zone, quota = excluded.quota,
    places = greatest(excluded.quota, CASE WHEN excluded.quota IS NOT NULL THEN kept.used END)
RETURNING 1
"""
_REFUSE: Final = """
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
"""
_FLUSH: Final = "SELECT pg_logical_emit_message(true, 'allowance', '')"
_TOUCH: Final = """
WITH free AS MATERIALIZED (
  SELECT kept.ctid AS place FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) AS asked(license_id, meter, digest)
  CROSS JOIN LATERAL (
    SELECT ctid FROM installation AS kept
    WHERE kept.license_id = asked.license_id AND kept.meter = asked.meter AND kept.digest = asked.digest
    AND (kept.seen IS NULL OR kept.seen < %b::bigint) FOR UPDATE SKIP LOCKED
  ) AS kept
)
UPDATE installation SET seen = %b::bigint WHERE ctid = ANY (ARRAY(SELECT place FROM free))
"""


def find(connection: Connection, keys: Sequence[Key]) -> list[Record | None]:
    """See :class:`core.admission.store.Store`."""
    found: list[Record | None] = [None] * len(keys)
    for number, place, seen, refused_at, retry_at in connection.exec_driver_sql(_FIND, _columns(keys)):
        found[number - 1] = Record(place, seen, refused_at, retry_at)
    return found


def versions(connection: Connection, license_ids: Collection[int]) -> dict[int, int]:
    """See :class:`core.admission.store.Store`."""
    return {row[0]: row[1] for row in connection.exec_driver_sql(_VERSIONS, (list(license_ids),))}


def admit(connection: Connection, asked: Sequence[Candidates], now: datetime) -> list[AdmitResult | None]:
    """See :class:`core.admission.store.Store`."""
    # In the order of their licenses, so that counters are locked in it.
    numbers = sorted(range(len(asked)), key=lambda number: (asked[number].quota.license_id, asked[number].quota.meter))
    found: dict[int, AdmitResult | None] = {}
    while numbers:
        try:
            rows = _admit_and_flush(connection, _parameters([asked[number] for number in numbers], now))
        except CheckViolation as error:
            if error.diag.constraint_name != "admission_window_has_room":
                raise
            continue  # what room there was, others took meanwhile
        again = []
        for number, (same, current, used, places, admitted, known) in zip(numbers, rows, strict=True):
            if same and current:
                found[number] = AdmitResult(frozenset(admitted or ()), frozenset(known or ()), used, places)
            elif current and _open(connection, asked[number].quota):
                again.append(number)
            else:
                found[number] = None
        numbers = again
    return [found[number] for number in range(len(asked))]


def _admit_and_flush(connection: Connection, parameters: tuple[Any, ...]) -> list[Any]:
    """Both transactions are sent at once, so that they cost one way there and back."""
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline() as pipeline:
            admitted = driver.execute(_ADMIT, parameters)
            pipeline.sync()
            driver.execute(_FLUSH)
            pipeline.sync()
            return list(admitted.fetchall())
    except psycopg.OperationalError as error:
        raise OperationalError(_ADMIT, None, error, connection_invalidated=driver.closed) from error


def _parameters(asked: Sequence[Candidates], now: datetime) -> tuple[Any, ...]:
    quotas = [
        (
            number, quota.license_id, quota.meter, quota.starts_at, microseconds(quota.window.end), quota.places,
            quota.versions, quota.day,
        )
        for number, (quota, _) in enumerate(asked)
    ]  # fmt: skip
    given = [(number, *one) for number, (_, given) in enumerate(asked) for one in given.items()]
    return (*map(list, zip(*quotas, strict=True)), *map(list, zip(*given, strict=True)), microseconds(now))


def refuse(connection: Connection, quota: Quota, digests: Sequence[bytes], back_off: BackOff) -> set[bytes]:
    """See :class:`core.admission.store.Store`."""
    times = quota.starts_at, microseconds(back_off.refused_at), microseconds(back_off.retry_at)
    parameters = (quota.license_id, quota.meter, *times, list(digests))
    return set(connection.exec_driver_sql(_REFUSE, parameters).scalar_one() or ())


def flush(connection: Connection) -> None:
    """See :class:`core.admission.store.Store`."""
    connection.exec_driver_sql(_FLUSH)


def touch(connection: Connection, keys: Sequence[Key], now: datetime) -> None:
    """See :class:`core.admission.store.Store`."""
    seen = microseconds(now)
    connection.exec_driver_sql(_TOUCH, (*_columns(keys), seen, seen))


def _open(connection: Connection, quota: Quota) -> bool:
    """Open the window, or bring an open one to the quota; False where the contract changed meanwhile."""
    window, places = quota.window, quota.places
    parameters = (
        quota.license_id, quota.meter, quota.starts_at, microseconds(window.end), window.time_zone,
        places, places, quota.license_id, quota.versions,
    )  # fmt: skip
    return connection.exec_driver_sql(_OPEN, parameters).one_or_none() is not None


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[str], list[bytes]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
