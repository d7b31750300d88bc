"""The recording of alerts on forecasts, in the transaction that writes the snapshots of a refresh."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from allowance import Notifier
from sqlmodel import Session, col

from core.alerts.alert_messages import license_messages
from core.alerts.recipients import load_recipients
from core.alerts.tables import ForecastAlert
from core.consumption.readings.status import multiply
from core.database.dialect import insert_into
from core.delivery.message_kinds import FORECAST_CROSSED, FORECAST_RECOVERED
from core.delivery.messages import ForecastItem, ForecastsContent
from core.delivery.outbox.enqueue import enqueue
from core.forecast.forecast import Exceeding
from core.licenses.alerting_ratios import FULL
from core.text import canonical

CLEAR_DAYS: Final = 3
"""The days in a row on which the forecast has to be clear of a ratio until its alert recovers."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MeterForecast:
    """The forecast of a meter on a day of its license, for the end of the period up to `end`.

    Attributes:
        is_exceeded: Whether the limit is exceeded already, or the last credit spent.
        exceeds: Whether the limit is expected to be exceeded, or the last credit to be spent, before the period ends.
        expected: The usage at the end of the period.
        low: The low end of its range.
        high: The high end of its range.
        exceeding: When the limit is exceeded, or the last credit gone.
    """

    day: date
    end: date
    limit: Decimal
    basis: str
    contract_version: int
    used: Decimal
    status: str
    is_exceeded: bool
    exceeds: bool
    expected: Decimal
    low: Decimal
    high: Decimal
    exceeding: Exceeding

    def reaches(self, ratio: Decimal) -> bool:
        """Return whether a ratio is expected to be reached, or the whole limit to be exceeded."""
        if ratio == FULL or self.is_exceeded:
            return self.exceeds or self.is_exceeded
        return self.expected > 0 and self.expected >= multiply(ratio, self.limit)


@dataclass(frozen=True, slots=True)
class WatchedMeter:
    """A meter of a license whose forecast may alert, or may have alerted.

    Attributes:
        first: The first day of its period; None for a meter that is not installed any more.
        ratios: The ratios that the contract in force alerts at; none if the meter has no limit.
        forecast: Its forecast; None if there is none now.
    """

    license_id: int
    meter: str
    first: date | None = None
    ratios: tuple[Decimal, ...] = ()
    forecast: MeterForecast | None = None


def licenses_with_open_forecasts(session: Session, licenses: Collection[int]) -> set[int]:
    """Return those of the licenses that have an open alert on a forecast, by their ids."""
    license_id = col(ForecastAlert.license_id)
    is_open = sa.and_(license_id.in_(licenses), col(ForecastAlert.recovered_at).is_(None))
    return set(session.scalars(sa.select(license_id).where(is_open)))


def record_forecasts(
    session: Session, watched: Sequence[WatchedMeter], now: datetime, notifiers: Collection[Notifier] = ()
) -> None:
    """Record new alerts on forecasts and recoveries of earlier ones, and enqueue the messages about them.

    A ratio alerts once for each license, meter, period and limit, unless the limit is exceeded already. It recovers on
    the third day in a row on which every forecast was clear of it, and at once if the contract in force does not state
    it any more; with its period an alert ends without a message. The number of statements does not depend on the number
    of meters.

    Args:
        session: The session of a transaction that has locked the licenses' snapshots.
        watched: The meters. Alerts of other meters stay as they are.
        now: The time of the refresh.
        notifiers: The installed notifiers, which get every message.
    """
    if not watched:
        return
    known = _load(session, watched)
    recovered = _recover(session, known, watched, now)
    crossed = _record(session, known, watched, now)
    alerts = {FORECAST_CROSSED: crossed, FORECAST_RECOVERED: recovered}
    messages = license_messages(session, alerts, lambda listed: ForecastsContent(tuple(map(_item, listed))), now)
    if messages:
        enqueue(session, messages, load_recipients(session, {one.license_id for one in messages}, notifiers))


def _load(session: Session, watched: Sequence[WatchedMeter]) -> Sequence[ForecastAlert]:
    """Return the open alerts of the licenses, and all of the periods in force."""
    firsts = {one.first for one in watched if one.first}
    is_relevant = sa.or_(col(ForecastAlert.recovered_at).is_(None), col(ForecastAlert.period_first).in_(firsts))
    return session.scalars(
        sa.select(ForecastAlert)
        .where(col(ForecastAlert.license_id).in_({one.license_id for one in watched}), is_relevant)
        .order_by(col(ForecastAlert.found_at), col(ForecastAlert.id))
    ).all()


def _record(
    session: Session, known: Sequence[ForecastAlert], watched: Sequence[WatchedMeter], now: datetime
) -> list[ForecastAlert]:
    """Insert the alerts that are new, and return them."""
    recorded = {(one.license_id, one.meter, one.period_first, one.ratio, one.limit) for one in known}
    alerts = {
        alert.id: alert
        for one in watched
        if one.first and one.forecast and not one.forecast.is_exceeded
        for ratio in one.ratios
        if one.forecast.reaches(ratio)
        if (one.license_id, one.meter, one.first, canonical(ratio), canonical(one.forecast.limit)) not in recorded
        for alert in [_alert(one, one.first, one.forecast, ratio, now)]
    }
    if not alerts:
        return []
    key = ["license_id", "meter", "period_first", "ratio", "limit"]
    statement = insert_into(session, ForecastAlert).on_conflict_do_nothing(index_elements=key)
    rows = [alert.model_dump() for alert in alerts.values()]
    inserted = session.connection().execute(statement.returning(col(ForecastAlert.id)), rows).scalars()
    return [alerts[alert_id] for alert_id in inserted]


def _alert(meter: WatchedMeter, first: date, forecast: MeterForecast, ratio: Decimal, now: datetime) -> ForecastAlert:
    return ForecastAlert(
        license_id=meter.license_id,
        id=uuid.uuid4().hex,
        meter=meter.meter,
        period_first=first,
        period_end=forecast.end,
        ratio=canonical(ratio),
        limit=canonical(forecast.limit),
        basis=forecast.basis,
        contract_version=forecast.contract_version,
        used=canonical(forecast.used),
        expected=canonical(forecast.expected),
        low=canonical(forecast.low),
        high=canonical(forecast.high),
        exceeds_at=forecast.exceeding.at,
        exceeds_earliest=forecast.exceeding.earliest,
        exceeds_latest=forecast.exceeding.latest,
        found_at=now,
        clear_from=forecast.day + _DAY,
        status=forecast.status,
    )


def _recover(
    session: Session, known: Sequence[ForecastAlert], watched: Sequence[WatchedMeter], now: datetime
) -> list[ForecastAlert]:
    """Close the alerts that are clear, whose period is over, or whose ratio the contract does not state any more.

    Returns:
        The newest alert of each recovery to notify people of. A recovery is of a meter and ratio, under any limit.
    """
    by_meter = {(one.license_id, one.meter): one for one in watched}
    recovered: dict[tuple[int, str, Decimal], ForecastAlert] = {}
    for alert in known:
        meter = by_meter.get((alert.license_id, alert.meter))
        if meter is None or alert.recovered_at is not None:
            continue
        if meter.first is not None and alert.period_first != meter.first:
            alert.recovered_at = max(now, alert.found_at)
        elif alert.ratio not in meter.ratios or (meter.forecast and _is_clear(alert, meter.forecast)):
            alert.recovered_at = max(now, alert.found_at)
            recovered[alert.license_id, alert.meter, alert.ratio] = alert
    session.flush()
    return list(recovered.values())


def _is_clear(alert: ForecastAlert, forecast: MeterForecast) -> bool:
    """Count the day of a forecast if it is clear of the ratio of an alert; return whether the days are enough."""
    if forecast.reaches(alert.ratio):
        alert.clear_from, alert.clear_to = forecast.day + _DAY, None
        return False
    if forecast.day < alert.clear_from:
        return False
    if alert.clear_to is None or forecast.day - alert.clear_to > _DAY:
        alert.clear_from = forecast.day
    alert.clear_to = forecast.day
    return (forecast.day - alert.clear_from).days + 1 >= CLEAR_DAYS


def _item(alert: ForecastAlert) -> ForecastItem:
    """Return the alert as a message lists it."""
    return ForecastItem(
        id=alert.id,
        meter=alert.meter,
        first=alert.period_first,
        end=alert.period_end,
        ratio=alert.ratio,
        limit=alert.limit,
        basis=alert.basis,
        contract_version=alert.contract_version,
        used=alert.used,
        expected=alert.expected,
        low=alert.low,
        high=alert.high,
        exceeds_at=alert.exceeds_at,
        exceeds_earliest=alert.exceeds_earliest,
        exceeds_latest=alert.exceeds_latest,
        found_at=alert.found_at,
        recovered_at=alert.recovered_at,
    )
