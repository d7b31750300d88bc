"""The ledger and its rollups on SQLite: a fixed number of statements for a batch."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from core.database.statements import load_statements
from core.usage.ledger import Batch, EventKey, LedgerRow, has_earlier_levels

_SQL: Final = load_statements("core.usage", "sql/sqlite.sql")
_INSERT: Final = _SQL["insert"]
_NEW_KEYS: Final = _SQL["new_keys"]
_FIND: Final = _SQL["find"]
_ADD_TO_SUMS: Final = _SQL["add_to_sums"]
_KEEP_NEWEST_LEVELS: Final = _SQL["keep_newest_levels"]
_DROP_LEVELS_AHEAD: Final = _SQL["drop_levels_ahead"]
_MARK_LATE: Final = _SQL["mark_late"]


def find_licenses(connection: Connection, licenses: Collection[str]) -> Iterable[Any]:
    """Return key, id, time zone and number of closings of the licenses that exist."""
    statement = "SELECT key, id, time_zone, closings FROM license WHERE key IN (SELECT value FROM json_each(?))"
    return connection.exec_driver_sql(statement, (orjson.dumps(list(licenses)).decode(),))


def write(connection: Connection, batch: Batch) -> set[EventKey] | None:
    """Write the rows that the ledger does not hold yet, and add them to the rollups. One writer needs no shards.

    Returns:
        The keys of the new rows, or None if all rows are new.
    """
    last = connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM usage_event").scalar_one()
    # In the order of the key, so that its index is written from page to page.
    rows = orjson.dumps(sorted((*row, position) for position, row in enumerate(batch.rows, 1))).decode()
    levels = orjson.dumps(list(batch.levels)).decode()
    spending = orjson.dumps(list(batch.spending)).decode()
    permanent = batch.permanent_before or 0
    parameters = (
        permanent > 0,
        permanent,
        bool(batch.levels),
        levels,
        batch.arrived,
        bool(batch.spending),
        spending,
        rows,
    )
    count = connection.exec_driver_sql(_INSERT, parameters).rowcount
    if count:
        today = orjson.dumps(list(batch.today.items())).decode()
        connection.exec_driver_sql(_ADD_TO_SUMS, (today, batch.arrived, last, levels))
        if batch.levels:
            connection.exec_driver_sql(_KEEP_NEWEST_LEVELS, (last, levels))
            if has_earlier_levels(batch):
                connection.exec_driver_sql(_DROP_LEVELS_AHEAD, (last, levels))
        licenses: dict[int, list[int]] = defaultdict(list)
        for license_id, day in batch.today.items():
            licenses[day].append(license_id)
        first = min(row.day for row in batch.rows)
        # There are at most three dates on Earth at any moment, so at most three statements.
        for day, ids in licenses.items():
            if first < day:
                connection.exec_driver_sql(_MARK_LATE, (last, day, orjson.dumps(ids).decode()))
    if count == len(batch.rows):
        return None
    new = orjson.loads(connection.exec_driver_sql(_NEW_KEYS, (last,)).scalar_one())
    return {(license_id, source, id) for license_id, source, id in new}


def find(connection: Connection, keys: Collection[EventKey]) -> Iterable[LedgerRow]:
    """Return the events of these keys that the ledger holds."""
    found = connection.exec_driver_sql(_FIND, (orjson.dumps(list(keys)).decode(),)).scalar_one()
    return (LedgerRow(*columns) for columns in orjson.loads(found))
