"""Check-ins on PostgreSQL: each statement commits by itself, so that no lock outlives a statement.

Rows are written in the order of their digests everywhere, and the window's counter after them. Concurrent statements
then queue and cannot deadlock. A statement may read a counter that changes before the statement writes. Then the
counter would pass the number of places, the check of the table rejects the whole statement, and it is run again.

All admissions to a license lock its counter, so the lock must not last as long as a write to disk. The transactions
that give places do not wait for the disk. A second transaction, without a lock and once for many, does: it commits a
message that nobody reads (`flush`), and everything committed before is on disk when it returns.
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
from core.admission.store import AdmitRequest, AdmitResult, InstallationKey, InstallationState, RefuseResult
from core.database.postgresql import is_away_state
from core.database.replicated_commit import require_replicated
from core.database.statements import load_statements
from core.times import microseconds

_SQL: Final = load_statements("core.admission", "sql/postgresql.sql")
_FIND: Final = _SQL["find"]
_REVISIONS: Final = _SQL["revisions"]
_ADMIT: Final = _SQL["admit"]
_OPEN_WINDOW: Final = _SQL["open_window"]
_REFUSE: Final = _SQL["refuse"]
_FLUSH: Final = _SQL["flush"]
_MARK_SEEN: Final = _SQL["mark_seen"]


def find(connection: Connection, keys: Sequence[InstallationKey]) -> list[InstallationState | None]:
    """See :class:`core.admission.store.Store`."""
    states: list[InstallationState | None] = [None] * len(keys)
    for number, place, seen, refused_at, retry_at in connection.exec_driver_sql(_FIND, _columns(keys)):
        states[number - 1] = InstallationState(place, seen, refused_at, retry_at)
    return states


def revisions(connection: Connection, license_ids: Collection[int]) -> dict[int, int]:
    """See :class:`core.admission.store.Store`."""
    return {row[0]: row[1] for row in connection.exec_driver_sql(_REVISIONS, (list(license_ids),))}


def admit(connection: Connection, requests: Sequence[AdmitRequest], now: datetime) -> list[AdmitResult | None]:
    """See :class:`core.admission.store.Store`."""
    # In the order of the licenses, so that concurrent statements lock counters in the same order.
    quotas = [request.quota for request in requests]
    numbers = sorted(range(len(requests)), key=lambda number: (quotas[number].license_id, quotas[number].meter))
    results: dict[int, AdmitResult | None] = {}
    while numbers:
        try:
            rows = _admit_and_flush(connection, _parameters([requests[number] for number in numbers], now))
        except CheckViolation as error:
            if error.diag.constraint_name != "admission_window_has_room":
                raise
            continue  # another process took the last places meanwhile
        again = []
        for number, (same, current, used, places, admitted, known) in zip(numbers, rows, strict=True):
            if same and current:
                results[number] = AdmitResult(frozenset(admitted or ()), frozenset(known or ()), used, places)
            elif current and _open_window(connection, quotas[number]):
                again.append(number)
            else:
                results[number] = None
        numbers = again
    return [results[number] for number in range(len(requests))]


def _admit_and_flush(connection: Connection, parameters: tuple[Any, ...]) -> list[Any]:
    """Run `admit` and `flush` in a pipeline: two transactions in one round trip."""
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline() as pipeline:
            admitted = driver.execute(_ADMIT, parameters)
            pipeline.sync()
            driver.execute(_FLUSH)
            pipeline.sync()
            places = list(admitted.fetchall())
        driver.require_replicated()
        return places
    except psycopg.DatabaseError as error:
        if not isinstance(error, psycopg.OperationalError) and not is_away_state(error):
            raise
        lost = driver.closed or is_away_state(error)
        raise OperationalError(_ADMIT, None, error, connection_invalidated=lost) from error


def _parameters(requests: Sequence[AdmitRequest], now: datetime) -> tuple[Any, ...]:
    quotas = [
        (
            number, quota.license_id, quota.meter, quota.starts_at, microseconds(quota.window.end), quota.places,
            quota.revision, quota.day,
        )
        for number, (quota, _) in enumerate(requests)
    ]  # fmt: skip
    candidates = [(number, *item) for number, (_, identifiers) in enumerate(requests) for item in identifiers.items()]
    return (*map(list, zip(*quotas, strict=True)), *map(list, zip(*candidates, strict=True)), microseconds(now))


def refuse(connection: Connection, quota: Quota, digests: Sequence[bytes], back_off: BackOff) -> RefuseResult:
    """See :class:`core.admission.store.Store`."""
    times = quota.starts_at, microseconds(back_off.refused_at), microseconds(back_off.retry_at)
    parameters = (quota.license_id, quota.meter, *times, quota.day, list(digests))
    refused, is_first = connection.exec_driver_sql(_REFUSE, parameters).one()
    return RefuseResult(frozenset(refused or ()), is_first)


def flush(connection: Connection) -> None:
    """See :class:`core.admission.store.Store`."""
    connection.exec_driver_sql(_FLUSH)
    require_replicated(connection)


def mark_seen(connection: Connection, keys: Sequence[InstallationKey], now: datetime) -> None:
    """See :class:`core.admission.store.Store`."""
    seen = microseconds(now)
    connection.exec_driver_sql(_MARK_SEEN, (*_columns(keys), seen, seen))


def _open_window(connection: Connection, quota: Quota) -> bool:
    """Open the quota's window, or update an open one; return False if the contract changed meanwhile."""
    window, places = quota.window, quota.places
    parameters = (
        quota.license_id, quota.meter, quota.starts_at, microseconds(window.end), window.time_zone,
        places, places, quota.license_id, quota.revision,
    )  # fmt: skip
    return connection.exec_driver_sql(_OPEN_WINDOW, parameters).one_or_none() is not None


def _columns(keys: Sequence[InstallationKey]) -> tuple[list[int], list[str], list[bytes]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
