"""What a refresh found crossed, and what it found crossed no more: recorded in the transaction of its snapshots."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.addresses import addresses_of
from core.alerts.kinds import CROSSED, RECOVERED
from core.alerts.outbox import Told, tell
from core.alerts.tables import Alert
from core.database.engine import insert_into
from core.database.given import given
from core.database.types import UtcDateTime


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a reading of a license's meter has crossed: `ratio` of `limit`, in a period."""

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


@dataclass(frozen=True, slots=True)
class Measured:
    """A meter of a license that was measured, and the thresholds that its reading has crossed, if any."""

    license_id: int
    meter: str
    crossings: tuple[Crossing, ...]


def record_crossings(session: Session, measured: Sequence[Measured], notifiers: Collection[str], now: datetime) -> None:
    """Record new alerts, and recoveries of earlier ones, with the messages that tell of them.

    Whatever was recorded before is left as it is: a threshold alerts once for each license, meter, period and limit
    in force. `notifiers` are the keys of those that plugins bring. The number of statements does not depend on how
    many readings there are.
    """
    if not measured:
        return
    crossed = _record(session, [crossing for one in measured for crossing in one.crossings], now)
    recovered = _recover(session, measured, now)
    told = [*_told(CROSSED, crossed, now), *_told(RECOVERED, recovered, now)]
    if told:
        tell(session, told, addresses_of(session, {one.license_id for one in told}, notifiers))


_COLUMNS: Final[dict[str, Any]] = {
    "license_id": sa.BigInteger(), "id": sa.String(), "meter": sa.String(), "first": sa.Date(), "end_": sa.Date(),
    "ratio": sa.String(), "limit_": sa.String(), "basis": sa.String(), "contract_version": sa.Integer(),
    "used": sa.String(), "status": sa.String(),
}  # fmt: skip


def _record(session: Session, crossings: Sequence[Crossing], now: datetime) -> list[Alert]:
    """The alerts that are new."""
    if not crossings:
        return []
    alerts = [
        Alert(
            license_id=one.license_id,
            id=uuid.uuid4().hex,
            meter=one.meter,
            period_first=one.first,
            period_end=one.end,
            ratio=_plain(one.ratio),
            limit=_plain(one.limit),
            basis=one.basis,
            contract_version=one.contract_version,
            used=_plain(one.used),
            status=one.status,
            crossed_at=now,
        )
        for one in sorted(crossings, key=lambda one: (one.license_id, one.meter, one.ratio))
    ]
    rows = [
        (
            *(one.license_id, one.id, one.meter, one.period_first.isoformat(), one.period_end.isoformat()),
            *(str(one.ratio), str(one.limit), one.basis, one.contract_version, str(one.used), one.status),
        )
        for one in alerts
    ]
    within = given(session, _COLUMNS, rows)
    found = sa.select(*within.c, sa.literal(now, UtcDateTime())).where(sa.true())
    names = [
        *("license_id", "id", "meter", "period_first", "period_end", "ratio", "limit", "basis", "contract_version"),
        *("used", "status", "crossed_at"),
    ]
    statement = insert_into(session, Alert).from_select(names, found).on_conflict_do_nothing()
    new = set(session.scalars(statement.returning(col(Alert.id))))
    return [alert for alert in alerts if alert.id in new]


def _recover(session: Session, measured: Iterable[Measured], now: datetime) -> list[Alert]:
    """The open alerts of what was measured that it does not cross any more."""
    meters = [(one.license_id, one.meter) for one in measured]
    standing = {
        (crossing.license_id, crossing.meter, _plain(crossing.ratio)) for one in measured for crossing in one.crossings
    }
    within = given(session, {"license_id": sa.BigInteger(), "meter": sa.String()}, meters)
    open_alerts = session.scalars(
        sa.select(Alert).join(
            within,
            sa.and_(
                col(Alert.license_id) == within.c.license_id,
                col(Alert.meter) == within.c.meter,
                col(Alert.recovered_at).is_(None),
            ),
        )
    ).all()
    recovered = [one for one in open_alerts if (one.license_id, one.meter, _plain(one.ratio)) not in standing]
    for alert in recovered:
        alert.recovered_at = now
        session.add(alert)
    session.flush()
    return recovered


def _told(kind: str, alerts: Collection[Alert], now: datetime) -> Iterable[Told]:
    """One message for each license, which lists all of its alerts."""
    by_license: dict[int, list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=lambda one: (one.license_id, one.meter, one.ratio)):
        by_license[alert.license_id].append(alert)
    for license_id, listed in by_license.items():
        yield Told(license_id, kind, now, {"alerts": [_document(alert) for alert in listed]})


def _document(alert: Alert) -> Mapping[str, Any]:
    return {
        "id": alert.id,
        "meter": alert.meter,
        "period": {"first": alert.period_first.isoformat(), "end": alert.period_end.isoformat()},
        "ratio": str(alert.ratio),
        "limit": str(alert.limit),
        "basis": alert.basis,
        "contractVersion": alert.contract_version,
        "used": str(alert.used),
        "status": alert.status,
        "crossedAt": alert.crossed_at.isoformat(),
        "recoveredAt": alert.recovered_at.isoformat() if alert.recovered_at else None,
    }


def _plain(number: Decimal) -> Decimal:
    """The same number in the same digits always, since it is a part of a key."""
    plain = number.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain
