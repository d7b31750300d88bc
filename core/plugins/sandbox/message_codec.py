"""Messages as JSON: the content of requests to notifiers. They go only to the child, and can be trusted."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from allowance import Alert, ExpiringCredits, Message, Period, RequestedCredits


def encode_message(message: Message) -> dict[str, Any]:
    """Return the data of a message. Numbers are texts, because JSON has no exact numbers; orjson writes the dates."""
    data = asdict(message)
    parts = [*data["alerts"], *data["expiring"], *([data["requested"]] if data["requested"] else [])]
    for part in parts:
        part |= {key: str(value) for key, value in part.items() if isinstance(value, Decimal)}
    return data


def decode_message(data: Mapping[str, Any]) -> Message:
    """Return the message of the data that :func:`encode_message` returned."""
    requested = data["requested"]
    return Message(
        **{key: data[key] for key in ("id", "kind", "license_key", "license_name", "link", "reason")},
        occurred_at=datetime.fromisoformat(data["occurred_at"]),
        alerts=tuple(
            Alert(**_numbers(alert, "used", "limit", "ratio"), period=_period(alert["period"]))
            for alert in data["alerts"]
        ),
        expiring=tuple(
            ExpiringCredits(
                **_numbers(credit, "amount", "left"), expires_at=datetime.fromisoformat(credit["expires_at"])
            )
            for credit in data["expiring"]
        ),
        requested=None if requested is None else RequestedCredits(**_numbers(requested, "amount")),
    )


def _numbers(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the fields without period and expiry, with the named fields as numbers."""
    fields = {key: value for key, value in data.items() if key not in ("period", "expires_at")}
    return fields | {name: Decimal(data[name]) for name in names}


def _period(data: Mapping[str, Any]) -> Period:
    return Period(date.fromisoformat(data["first"]), date.fromisoformat(data["end"]), data["time_zone"])
