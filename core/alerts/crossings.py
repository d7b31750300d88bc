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

from core.alerts.recipients import load_recipients
from core.alerts.tables import Alert
from core.database.dialect import insert_into, values_table
from core.database.types import UtcDateTime
from core.delivery.message_kinds import CROSSED, RECOVERED
from core.delivery.messages import AlertItem, AlertsContent
from core.delivery.outbox.enqueue import OutboundMessage, enqueue
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
    again without a message. The number of statements does not depend on the number of readings.

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
    crossed = [
        *_record(session, closings, now, reopens=False),
        *_record(session, [crossing for meter in measured for crossing in meter.crossings], now, reopens=True),
    ]
    recovered = _recover(session, measured, now)
    messages = [*_messages(CROSSED, crossed, now), *_messages(RECOVERED, recovered, now)]
    if messages:
        licenses = {message.license_id for message in messages}
        enqueue(session, messages, load_recipients(session, licenses, notifiers))


_COLUMNS: Final[dict[str, Any]] = {
    "license_id": sa.BigInteger(), "id": sa.String(), "meter": sa.String(), "first": sa.Date(), "end_": sa.Date(),
    "ratio": sa.String(), "limit_": sa.String(), "basis": sa.String(), "contract_version": sa.Integer(),
    "used": sa.String(), "status": sa.String(), "crossed_at": UtcDateTime(),
}  # fmt: skip


def _record(session: Session, crossings: Sequence[Crossing], now: datetime, *, reopens: bool) -> list[Alert]:
    """Insert alerts, open again those that were recorded before if `reopens`, and return the new ones."""
    if not crossings:
        return []
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
        *("used", "status", "crossed_at", "found_at", "recovery_told"),
    ]
    statement = insert_into(session, Alert).from_select(names, found)
    key = ["license_id", "meter", "period_first", "ratio", "limit"]
    if reopens:
        reopened = {"recovered_at": None}
        statement = statement.on_conflict_do_update(
            index_elements=key, set_=reopened, where=col(Alert.recovered_at).is_not(None)
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    new = set(session.scalars(statement.returning(col(Alert.id))))
    return [alert for alert in alerts if alert.id in new]


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
        .where(sa.or_(col(Alert.recovered_at).is_(None), ~col(Alert.recovery_told)))
        .order_by(col(Alert.found_at), col(Alert.period_first), col(Alert.id))
    ).all()
    over: dict[tuple[int, str, Decimal], list[Alert]] = defaultdict(list)
    for alert in alerts:
        threshold = alert.license_id, alert.meter, alert.ratio
        if alert.recovered_at is None and standing.get(threshold) != (alert.period_first, alert.limit):
            alert.recovered_at = now
            session.add(alert)
        if threshold not in standing and not alert.recovery_told:
            over[threshold].append(alert)
    for untold in over.values():
        for alert in untold:
            alert.recovery_told = True
            session.add(alert)
    session.flush()
    return [untold[-1] for untold in over.values()]


def _messages(kind: str, alerts: Collection[Alert], now: datetime) -> Iterable[OutboundMessage]:
    """Yield a message for each license, which lists all of its alerts."""
    by_license: dict[int, list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=lambda one: (one.license_id, one.meter, one.ratio)):
        by_license[alert.license_id].append(alert)
    for license_id, listed in by_license.items():
        yield OutboundMessage(license_id, kind, now, AlertsContent(tuple(map(_item, listed))))


def _item(alert: Alert) -> AlertItem:
    """Return the alert as a message lists it."""
    return AlertItem(
        id=alert.id,
        meter=alert.meter,
        first=alert.period_first,
        end=alert.period_end,
        ratio=alert.ratio,
        limit=alert.limit,
        basis=alert.basis,
        contract_version=alert.contract_version,
        used=alert.used,
        status=alert.status,
        crossed_at=alert.crossed_at,
        found_at=alert.found_at,
        recovered_at=alert.recovered_at,
    )
