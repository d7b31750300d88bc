"""What a notifier is told of a message of the outbox."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from allowance import Alert, ExpiringCredits, Message, Period, RequestedCredits

from core.delivery.outbox.outbox import Outgoing
from core.licenses.tables import License
from core.plugins.host import Registry
from core.text import canonical


def message_of(outgoing: Outgoing, license: License, registry: Registry, consumption_url: str) -> Message:
    """The message, under the id of its delivery, which stays the same however often it is sent."""
    document = outgoing.message.document
    requested = document.get("request")
    return Message(
        id=outgoing.delivery.id,
        kind=outgoing.message.kind,
        license_key=license.key,
        license_name=license.name,
        occurred_at=outgoing.message.occurred_at,
        link=consumption_url.replace("{license}", license.key),
        alerts=tuple(_alert(one, license, registry) for one in document.get("alerts", ())),
        expiring=tuple(_expiring(one, registry) for one in document.get("grants", ())),
        requested=None if requested is None else _requested(requested, registry),
    )


def _alert(alert: Mapping[str, Any], license: License, registry: Registry) -> Alert:
    meter, period = registry.meters.get(alert["meter"]), alert["period"]
    return Alert(
        meter=alert["meter"],
        title=_title(alert["meter"], registry),
        unit=meter.unit if meter else "",
        used=canonical(Decimal(alert["used"])),
        limit=canonical(Decimal(alert["limit"])),
        ratio=canonical(Decimal(alert["ratio"])),
        status=alert["status"],
        period=Period(date.fromisoformat(period["first"]), date.fromisoformat(period["end"]), license.time_zone),
    )


def _expiring(grant: Mapping[str, Any], registry: Registry) -> ExpiringCredits:
    return ExpiringCredits(
        meter=grant["meter"],
        title=_title(grant["meter"], registry),
        amount=canonical(Decimal(grant["amount"])),
        left=canonical(Decimal(grant["left"])),
        entity=grant["entity"],
        expires_at=datetime.fromisoformat(grant["expiresAt"]),
    )


def _requested(request: Mapping[str, Any], registry: Registry) -> RequestedCredits:
    return RequestedCredits(
        meter=request["meter"],
        title=_title(request["meter"], registry),
        amount=canonical(Decimal(request["amount"])),
        entity=request["entity"],
        note=request["note"],
        requested_by=request["requestedBy"],
    )


def _title(meter: str, registry: Registry) -> str:
    """The key stands for a meter that is not installed any more."""
    return registry.meters[meter].title if meter in registry.meters else meter
