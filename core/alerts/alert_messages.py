"""The messages about alerts: one for each license, in the order in which they occurred."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.tables import Alert, ForecastAlert
from core.delivery.messages import AlertItem, AlertsContent, MessageContent
from core.delivery.outbox.enqueue import OutboundMessage
from core.delivery.outbox.tables import Message

_TICK: Final = timedelta(microseconds=1)
A = TypeVar("A", Alert, ForecastAlert)


def alert_messages(session: Session, alerts: Mapping[str, Sequence[Alert]], now: datetime) -> list[OutboundMessage]:
    """Return the messages about alerts on thresholds, as :func:`license_messages` does."""
    return license_messages(session, alerts, lambda listed: AlertsContent(tuple(map(_item, listed))), now)


def license_messages(
    session: Session,
    alerts: Mapping[str, Sequence[A]],
    content_of: Callable[[Sequence[A]], MessageContent],
    now: datetime,
) -> list[OutboundMessage]:
    """Return a message for each kind and license, which lists all of its alerts.

    The messages of a license have different times, each later than the message before, whatever the clocks of workers
    say: a platform that applies the newest message of a threshold has its state.

    Args:
        session: The session of a transaction in which no other one writes messages about these alerts.
        alerts: The alerts of each kind of message, by the kind. The kinds are in the order in which they occurred.
        content_of: Returns the content of a message that lists alerts.
        now: The time of the messages, unless the license has a message of that time or later; they may be sent from
            then on.
    """
    by_license: dict[int, dict[str, list[A]]] = defaultdict(lambda: defaultdict(list))
    for kind, listed in alerts.items():
        for alert in sorted(listed, key=lambda one: (one.license_id, one.meter, one.ratio)):
            by_license[alert.license_id][kind].append(alert)
    if not by_license:
        return []
    newest = _newest_messages(session, by_license)
    firsts = {license_id: max(now, newest.get(license_id, now)) for license_id in by_license}
    return [
        OutboundMessage(license_id, kind, firsts[license_id] + number * _TICK, content_of(listed), now)
        for license_id, kinds in by_license.items()
        for number, (kind, listed) in enumerate(kinds.items())
    ]


def _newest_messages(session: Session, licenses: Collection[int]) -> dict[int, datetime]:
    """Return the earliest time that is later than all messages of a license, for licenses that have messages."""
    newest = sa.func.max(col(Message.occurred_at))
    rows = session.execute(
        sa.select(col(Message.license_id), newest)
        .where(col(Message.license_id).in_(licenses))
        .group_by(col(Message.license_id))
    )
    return {license_id: occurred_at + _TICK for license_id, occurred_at in rows}


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
