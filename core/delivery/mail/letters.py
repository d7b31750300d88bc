"""The e-mail that tells a message of the outbox."""

from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from allowance import Enforcement

from core.delivery.mail.render import Asked, ExpiringLine, Line, Mail, render_crossed, render_expiring, render_requested
from core.delivery.message_kinds import CREDITS_EXPIRING
from core.delivery.outbox.tables import Message
from core.licenses.tables import License
from core.plugins.host import Registry


def to_admin(
    message: Message, license: License, registry: Registry, language: str | None, consumption_url: str, unsubscribe: str
) -> Mail:
    """What an admin of the license is told."""
    link = consumption_url.replace("{license}", license.key)
    if message.kind == CREDITS_EXPIRING:
        expiring = [_expiring_line(grant, registry) for grant in message.document["grants"]]
        return render_expiring(language, license.name, license.key, license.time_zone, expiring, link, unsubscribe)
    of_meter = groupby(message.document["alerts"], itemgetter("meter"))  # they are listed by meter and ratio
    lines = [_crossed_line(list(alerts), registry) for _, alerts in of_meter]
    return render_crossed(language, license.name, license.key, lines, link, unsubscribe)


def to_operator(message: Message, license: License, registry: Registry) -> Mail:
    """What an operator is told of a request for credits, with the command that grants them."""
    request = message.document["request"]
    meter = registry.meters.get(request["meter"])
    asked = Asked(
        request_id=request["id"],
        title=meter.title if meter else request["meter"],
        unit=meter.unit if meter else "credits",
        amount=Decimal(request["amount"]),
        entity=_in_a_line(request["entity"]),
        note=_in_a_line(request["note"]),
        requested_by=request["requestedBy"],
        # Its meter and entity are those of the request, so that nothing that anybody wrote stands in a command.
        command=f"allowance credits grant {license.key} {request['amount']} --request {request['id']}",
    )
    return render_requested(license.name, license.key, asked)


def _in_a_line(text: str | None) -> str | None:
    """What people wrote, without separators of lines, after which anything might seem to be ours."""
    return None if text is None else " ".join(text.split())


def _crossed_line(alerts: list[dict[str, Any]], registry: Registry) -> Line:
    """One for all thresholds of a meter that one refresh found crossed, which say the same of the reading."""
    alert = alerts[-1]
    meter = registry.meters.get(alert["meter"])
    hard = meter is not None and meter.enforcement is Enforcement.HARD
    return Line(
        title=meter.title if meter else alert["meter"],
        unit=meter.unit if meter else "",
        used=Decimal(alert["used"]),
        limit=Decimal(alert["limit"]),
        basis=alert["basis"],
        ratios=tuple(Decimal(one["ratio"]) for one in alerts),
        first=date.fromisoformat(alert["period"]["first"]),
        end=date.fromisoformat(alert["period"]["end"]),
        exceeded=alert["status"] == "EXCEEDED",
        hard=hard,
        early=alert["status"] == "OK" and not hard,
    )


def _expiring_line(grant: dict[str, Any], registry: Registry) -> ExpiringLine:
    meter = registry.meters.get(grant["meter"])
    return ExpiringLine(
        title=meter.title if meter else grant["meter"],
        left=Decimal(grant["left"]),
        amount=Decimal(grant["amount"]),
        entity=grant["entity"],
        expires_at=datetime.fromisoformat(grant["expiresAt"]),
    )
