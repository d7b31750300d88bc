"""The messages about alerts: one for each license, in the order in which they occurred."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.tables import Alert
from core.delivery.messages import AlertItem, AlertsContent
from core.delivery.outbox.enqueue import OutboundMessage
from core.delivery.outbox.tables import Message


def alert_messages(session: Session, alerts: Mapping[str, Sequence[Alert]], now: datetime) -> list[OutboundMessage]:
    """Return a message for each kind and license, which lists all of its alerts.

    The messages of a license have different times, each later than the message before, whatever the clocks of workers
    say: a platform that applies the newest message of a threshold has its state.

    Args:
        session: The session of a transaction in which no other one writes messages about thresholds of these licenses.
        alerts: The alerts of each kind of message, by the kind. The kinds are in the order in which they occurred.
        now: The time of the messages, unless the license has a message of that time or later; they may be sent from
            then on.
    """
    by_license: dict[int, dict[str, list[Alert]]] = defaultdict(lambda: defaultdict(list))
    for kind, listed in alerts.items():
        for alert in sorted(listed, key=lambda one: (one.license_id, one.meter, one.ratio)):
            by_license[alert.license_id][kind].append(alert)
    if not by_license:
        return []
    newest = newest_messages(session, by_license)
    return [
        message
        for license_id, kinds in by_license.items()
        for message in _of_license(license_id, kinds, max(now, newest.get(license_id, now)), now)
    ]


def _of_license(
    license_id: int, kinds: Mapping[str, Sequence[Alert]], first: datetime, due_at: datetime
) -> Iterable[OutboundMessage]:
    for number, (kind, listed) in enumerate(kinds.items()):
        content = AlertsContent(tuple(map(_item, listed)))
        yield OutboundMessage(license_id, kind, first + number * timedelta(microseconds=1), content, due_at)


def newest_messages(session: Session, licenses: Collection[int]) -> dict[int, datetime]:
    """Return the earliest time that is later than all messages of a license, for licenses that have messages."""
    newest = sa.func.max(col(Message.occurred_at))
    rows = session.execute(
        sa.select(col(Message.license_id), newest)
        .where(col(Message.license_id).in_(licenses))
        .group_by(col(Message.license_id))
    )
    return {license_id: occurred_at + timedelta(microseconds=1) for license_id, occurred_at in rows}


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
