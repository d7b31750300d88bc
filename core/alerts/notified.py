"""The record of which alerts people were notified of, made when a message about them was delivered."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.tables import Alert, ForecastAlert
from core.consumption.snapshots import mark_changed
from core.delivery.channels import EMAIL
from core.delivery.message_kinds import CROSSED, FORECAST_CROSSED
from core.delivery.messages import listed_ids
from core.delivery.outbox.claim import ClaimedDelivery


def record_notified(session: Session, sent: ClaimedDelivery) -> None:
    """Record that the alerts of a delivered message have reached somebody. Only the first delivery of each counts."""
    kind, license_id = sent.message.kind, sent.delivery.license_id
    if kind not in (CROSSED, FORECAST_CROSSED):
        return
    table: type[Alert] | type[ForecastAlert] = Alert if kind == CROSSED else ForecastAlert
    columns = {"notified_at": col(table.notified_at)}
    if sent.delivery.channel == EMAIL and table is Alert:
        columns["mailed_at"] = col(Alert.mailed_at)
    is_first = sa.and_(
        col(table.license_id) == license_id,
        col(table.id).in_(listed_ids(kind, sent.message.document)),
        sa.or_(*(column.is_(None) for column in columns.values())),
    )
    if session.scalars(sa.select(col(table.id)).where(is_first).limit(1)).first() is None:
        return
    # This locks the snapshot, as refreshes do before they write alerts, so that neither waits for the other's rows.
    mark_changed(session, license_id)
    now = datetime.now(UTC)
    values = {name: sa.func.coalesce(column, now) for name, column in columns.items()}
    session.execute(sa.update(table).where(is_first).values(values))
