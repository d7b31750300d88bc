"""The recording of crossings and recoveries, in the transaction that writes the snapshots of a refresh."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from allowance import Notifier
from sqlmodel import Session, col

from core.alerts.alert_messages import alert_messages
from core.alerts.open_alerts import mail_open_alerts
from core.alerts.recipients import load_recipients
from core.alerts.tables import Alert
from core.database.dialect import insert_into, values_table
from core.database.types import UtcDateTime
from core.delivery.message_kinds import CROSSED, RECOVERED, REOPENED
from core.delivery.outbox.enqueue import enqueue
from core.text import canonical


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a reading has crossed: `ratio` of `limit`, in the period from `first` up to `end`."""

    license_id: int
    meter: str
    first: date
    end: date
    ratio: Decimal
    limit: Decimal
    basis: str
    contract_version: int
    used: Decimal
    status: str
    crossed_at: datetime


@dataclass(frozen=True, slots=True)
class MeterCrossings:
    """A measured meter of a license, with the crossings of its reading in the period and limit now in force."""

    license_id: int
    meter: str
    crossings: tuple[Crossing, ...]


def record_crossings(
    session: Session,
    measured: Sequence[MeterCrossings],
    now: datetime,
    notifiers: Collection[Notifier] = (),
    closings: Sequence[Crossing] = (),
) -> None:
    """Record new alerts and recoveries of earlier alerts, and enqueue the messages that notify people of them.

    A threshold alerts once for each license, meter, period and limit in force. If it is crossed again, its alert opens
    again. That is a message only if the recovery was one, and never an e-mail, unless no admin got an e-mail about the
    crossing. The number of statements does not depend on the number of readings.

    Args:
        session: The session of the transaction that writes the snapshots.
        measured: The meters whose crossings changed. Alerts of other meters stay as they are.
        now: The time of the refresh.
        notifiers: The installed notifiers, which get every message.
        closings: The crossings of the closing readings of periods that are over. A new one alerts, and recovers at
            once, since its period is not in force. `measured` has to hold the meters of all of them.
    """
    if not measured:
        return
    closed, _ = _record(session, closings, now, reopens=False)
    standing = [crossing for meter in measured for crossing in meter.crossings]
    crossed, reopened = _record(session, standing, now, reopens=True)
    recovered = _recover(session, measured, now)
    alerts = {CROSSED: [*closed, *crossed], REOPENED: reopened, RECOVERED: recovered}
    messages = alert_messages(session, alerts, now)
    if messages:
        licenses = {message.license_id for message in messages}
        enqueue(session, messages, load_recipients(session, licenses, notifiers))
    mail_open_alerts(session, {alert.license_id: None for alert in reopened if alert.mailed_at is None}, now)


_COLUMNS: Final[dict[str, Any]] = {
    "license_id": sa.BigInteger(), "id": sa.String(), "meter": sa.String(), "first": sa.Date(), "end_": sa.Date(),
    "ratio": sa.String(), "limit_": sa.String(), "basis": sa.String(), "contract_version": sa.Integer(),
    "used": sa.String(), "status": sa.String(), "crossed_at": UtcDateTime(),
}  # fmt: skip


def _record(
    session: Session, crossings: Sequence[Crossing], now: datetime, *, reopens: bool
) -> tuple[list[Alert], list[Alert]]:
    """Insert alerts, and open again those that were recorded before if `reopens`.

    Returns:
        The new alerts, and the alerts that opened again after people were notified of their recovery.
    """
    if not crossings:
        return [], []
    alerts = [
        Alert(
            license_id=one.license_id,
            id=uuid.uuid4().hex,
            meter=one.meter,
            period_first=one.first,
            period_end=one.end,
            ratio=canonical(one.ratio),
            limit=canonical(one.limit),
            basis=one.basis,
            contract_version=one.contract_version,
            used=canonical(one.used),
            status=one.status,
            crossed_at=one.crossed_at,
            found_at=now,
        )
        for one in sorted(crossings, key=lambda one: (one.license_id, one.meter, one.ratio))
    ]
    dialect = session.get_bind().dialect
    stored = UtcDateTime().bind_processor(dialect) or (lambda time: time)
    rows = [
        (
            *(one.license_id, one.id, one.meter, one.period_first.isoformat(), one.period_end.isoformat()),
            *(str(one.ratio), str(one.limit), one.basis, one.contract_version, str(one.used), one.status),
            stored(one.crossed_at),
        )
        for one in alerts
    ]
    within = values_table(session, _COLUMNS, rows)
    found = sa.select(*within.c, sa.literal(now, UtcDateTime()), sa.false()).where(sa.true())
    names = [
        *("license_id", "id", "meter", "period_first", "period_end", "ratio", "limit", "basis", "contract_version"),
        *("used", "status", "crossed_at", "found_at", "recovery_notified"),
    ]
    statement = insert_into(session, Alert).from_select(names, found)
    key = ["license_id", "meter", "period_first", "ratio", "limit"]
    if reopens:
        opened = {"recovered_at": None}
        statement = statement.on_conflict_do_update(
            index_elements=key, set_=opened, where=col(Alert.recovered_at).is_not(None)
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    columns = col(Alert.license_id), col(Alert.id), col(Alert.recovery_notified)
    written = [tuple(row) for row in session.execute(statement.returning(*columns))]
    ids = {alert_id for _, alert_id, _ in written}
    recovered = sorted((license_id, alert_id) for license_id, alert_id, notified in written if notified)
    return [alert for alert in alerts if alert.id in ids], _reopen(session, recovered)


def _reopen(session: Session, keys: Sequence[tuple[int, str]]) -> list[Alert]:
    """Return the alerts with these license ids and ids, whose next recovery is a message again."""
    if not keys:
        return []
    opened = values_table(session, {"license_id": sa.BigInteger(), "id": sa.String()}, keys)
    alerts = session.scalars(
        sa.select(Alert)
        .join(opened, sa.and_(col(Alert.license_id) == opened.c.license_id, col(Alert.id) == opened.c.id))
        .execution_options(populate_existing=True)
    ).all()
    for alert in alerts:
        alert.recovery_notified = False
        session.add(alert)
    return list(alerts)


def _recover(session: Session, measured: Iterable[MeterCrossings], now: datetime) -> list[Alert]:
    """Close the alerts of measured meters that are not crossed any more.

    A recovery is of a meter and ratio, under any period and limit. People are notified once no alert is open for the
    meter and ratio, if they were notified of any alert since the last recovery.

    Returns:
        The newest alert of each recovery to notify people of.
    """
    standing = {
        (each.license_id, each.meter, canonical(one.ratio)): (one.first, canonical(one.limit))
        for each in measured
        for one in each.crossings
    }
    within = values_table(
        session,
        {"license_id": sa.BigInteger(), "meter": sa.String()},
        sorted({(each.license_id, each.meter) for each in measured}),
    )
    alerts = session.scalars(
        sa.select(Alert)
        .join(
            within,
            sa.and_(col(Alert.license_id) == within.c.license_id, col(Alert.meter) == within.c.meter),
        )
        .where(sa.or_(col(Alert.recovered_at).is_(None), ~col(Alert.recovery_notified)))
        .order_by(col(Alert.found_at), col(Alert.period_first), col(Alert.id))
    ).all()
    over: dict[tuple[int, str, Decimal], list[Alert]] = defaultdict(list)
    for alert in alerts:
        threshold = alert.license_id, alert.meter, alert.ratio
        if alert.recovered_at is None and standing.get(threshold) != (alert.period_first, alert.limit):
            alert.recovered_at = max(now, alert.found_at)
            session.add(alert)
        if threshold not in standing and not alert.recovery_notified:
            over[threshold].append(alert)
    for recovered in over.values():
        for alert in recovered:
            alert.recovery_notified = True
            session.add(alert)
    session.flush()
    return [recovered[-1] for recovered in over.values()]
