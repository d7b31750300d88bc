"""The ledger and its rollups on PostgreSQL: a batch in one statement."""

from collections.abc import Collection, Iterable
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from core.database.statements import load_statements
from core.usage.ledger import Batch, EventKey, LedgerRow, has_earlier_levels

_SQL: Final = load_statements("core.usage", "sql/postgresql.sql")
_WRITE: Final = _SQL["write"]
_FIND: Final = _SQL["find"]
_DROP_LEVELS_AHEAD: Final = _SQL["drop_levels_ahead"]


def find_licenses(connection: Connection, licenses: Collection[str]) -> Iterable[Any]:
    """Return key, id, time zone and number of closings of the licenses that exist."""
    statement = "SELECT key, id, time_zone, closings FROM license WHERE key = ANY (%s::text[])"
    return connection.exec_driver_sql(statement, (_texts(licenses),))


def write(connection: Connection, batch: Batch) -> set[EventKey] | None:
    """Write the rows that the ledger does not hold yet, and add them to the rollups.

    Returns:
        The keys of the new rows, or None if all rows are new.
    """
    license_id, source, id, series_id, time, day, whole, nanos = zip(*batch.rows, strict=True)
    levels = _numbers(batch.levels)
    today = _numbers(batch.today.keys()), _numbers(batch.today.values())
    parameters = (
        *(_numbers(license_id), _texts(source), _texts(id), _numbers(series_id), _numbers(time)),
        *(_numbers(day), _numbers(whole), _numbers(nanos)),
        *(batch.permanent_before or 0, levels, batch.arrived, _numbers(batch.spending)),
        *(batch.permanent_before is None, batch.permanent_before is None),
        *(batch.shard, batch.arrived, levels, *today, levels, *today, len(batch.rows)),
    )
    new, count = connection.exec_driver_sql(_WRITE, parameters).one()
    if count and batch.levels and has_earlier_levels(batch):
        connection.exec_driver_sql(
            _DROP_LEVELS_AHEAD,
            (_numbers(license_id), _texts(source), _texts(id), _numbers(series_id), _numbers(day)),
        )
    return None if count == len(batch.rows) else {(license_id, source, id) for license_id, source, id in new or ()}


def find(connection: Connection, keys: Collection[EventKey]) -> Iterable[LedgerRow]:
    """Return the events of these keys that the ledger holds."""
    license_id, source, id = zip(*keys, strict=True)
    parameters = _numbers(license_id), _texts(source), _texts(id)
    found = connection.exec_driver_sql(_FIND, parameters).scalar_one()
    return (LedgerRow(*columns) for columns in orjson.loads(found or "[]"))


def _numbers(values: Iterable[int]) -> str:
    """Return an array as PostgreSQL reads it from text: many times faster than the driver's lists."""
    return "{" + ",".join(map(str, values)) + "}"


def _texts(values: Collection[str]) -> str:
    """Return an array of texts. Texts without control characters are quoted as in JSON."""
    return "{" + orjson.dumps(list(values))[1:-1].decode() + "}"
