"""The rows of alerts: the thresholds that were crossed, in the order in which they were found."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.alerts.tables import Alert
from core.exports.query import ExportQuery
from core.exports.rows import Position, PositionedRow
from core.licenses.load import LoadedLicense
from core.times import instant, microseconds


def alert_rows(
    session: Session, license: LoadedLicense, query: ExportQuery, after: Position, most: int
) -> Iterator[PositionedRow]:
    """Yield at most so many alerts of a license behind a position."""
    first, last = query.instants(license)
    found_at, id_, at = col(Alert.found_at), col(Alert.id), instant(after.number)
    statement = (
        select(Alert)
        .where(col(Alert.license_id) == license.id, found_at.between(first, last))
        .where(sa.or_(found_at > at, sa.and_(found_at == at, id_ > after.text)))
        .order_by(found_at, id_)
        .limit(most)
    )
    for alert in session.exec(statement):
        yield (
            Position(microseconds(alert.found_at), alert.id),
            (
                *(
                    license.license.key,
                    alert.id,
                    alert.meter,
                    alert.period_first,
                    alert.period_end,
                    alert.ratio,
                    alert.limit,
                    alert.used,
                ),
                *(alert.status, alert.basis, alert.contract_version),
                *(alert.crossed_at, alert.found_at, alert.recovered_at),
            ),
        )
