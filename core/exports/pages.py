"""The pages of an export: so many rows as fit into memory and into one short transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from sqlmodel import Session, col, select

from core.exports.alert_rows import alert_rows
from core.exports.commitment_rows import commitment_rows
from core.exports.cursor import write_cursor
from core.exports.history_rows import history_rows
from core.exports.query import ExportQuery
from core.exports.reading_rows import reading_rows
from core.exports.rows import START, ExportKind, Place, Position, PositionedRow, Value
from core.exports.usage_rows import usage_rows
from core.licenses.find import find_license, no_license
from core.licenses.load import LoadedLicense, load_licenses
from core.licenses.tables import License
from core.plugins.registry import Registry
from core.right_of_way import giving_way

ROWS: Final = 1000
"""The most rows of a page."""
LICENSES: Final = 20
"""The most licenses of a page."""


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Rows with the values of all columns, and the place behind them; None if there are no more."""

    rows: Sequence[Sequence[Value]]
    after: Place | None


def read_page(
    session: Session, query: ExportQuery, after: Place | None, registry: Registry, now: datetime, most: int = ROWS
) -> ExportPage:
    """Return the next rows of an export, in the order of licenses by key and then of positions.

    Args:
        session: The session to read with.
        query: The export.
        after: The place behind which the page begins; None from the beginning.
        registry: The installed meters.
        now: The present time.
        most: The most rows.

    Raises:
        NotFound: There is no such license.
    """
    licenses = _next_licenses(session, query, after, now)
    rows: list[Sequence[Value]] = []
    for license in licenses:
        key = license.license.key
        start = after.position if after and after.position and after.license == key else START
        left = most - len(rows)
        found = _rows(session, license, query, start, registry, now, left)
        for position, values in giving_way(islice(found, left)):
            rows.append((*values, write_cursor(query.kind, key, position)))
            if len(rows) == most:
                return ExportPage(rows, Place(key, position))
    is_last = query.license is not None or len(licenses) < LICENSES
    return ExportPage(rows, None if is_last else Place(licenses[-1].license.key, None))


def _rows(
    session: Session,
    license: LoadedLicense,
    query: ExportQuery,
    after: Position,
    registry: Registry,
    now: datetime,
    most: int,
) -> Iterable[PositionedRow]:
    match query.kind:
        case ExportKind.HISTORY:
            return history_rows(session, license, query, after)
        case ExportKind.USAGE:
            return usage_rows(session, license, query, after, most)
        case ExportKind.ALERTS:
            return alert_rows(session, license, query, after, most)
        case ExportKind.READINGS:
            return reading_rows(session, license, after, registry, now)
        case ExportKind.COMMITMENTS:
            return commitment_rows(license, query, after, registry)


def _next_licenses(session: Session, query: ExportQuery, after: Place | None, now: datetime) -> Sequence[LoadedLicense]:
    """Return the next licenses of an export in the order of their keys, that of the place first unless it is done."""
    if query.license is not None:
        found = find_license(session, query.license)
        if found is None:
            raise no_license(session, query.license)
        ids = [found.id]
    else:
        statement = select(License.id).order_by(col(License.key)).limit(LICENSES)
        if after is not None:
            key = col(License.key)
            statement = statement.where(key > after.license if after.position is None else key >= after.license)
        ids = list(session.exec(statement))
    loaded = load_licenses(session, [id_ for id_ in ids if id_ is not None], now)
    return sorted(loaded.values(), key=lambda one: one.license.key)
