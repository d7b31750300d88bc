"""A message as JSON, on its way to the process in which a notifier runs. All of it is ours."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from allowance import Alert, ExpiringCredits, Message, Period, RequestedCredits

GIVEN_UP: Final = "GIVEN_UP"
"""What the process answers where the notifier asks for no further attempt."""


def message_to(message: Message) -> dict[str, Any]:
    """Numbers as text, since JSON has no exact ones; dates and times as orjson writes them."""
    data = asdict(message)
    parts = [*data["alerts"], *data["expiring"], *([data["requested"]] if data["requested"] else [])]
    for part in parts:
        part |= {key: str(value) for key, value in part.items() if isinstance(value, Decimal)}
    return data


def message_from(data: Mapping[str, Any]) -> Message:
    """The message that :func:`message_to` wrote."""
    requested = data["requested"]
    return Message(
        **{key: data[key] for key in ("id", "kind", "license_key", "license_name", "link")},
        occurred_at=datetime.fromisoformat(data["occurred_at"]),
        alerts=tuple(
            Alert(**_numbers(alert, "used", "limit", "ratio"), period=_period(alert["period"]))
            for alert in data["alerts"]
        ),
        expiring=tuple(
            ExpiringCredits(**_numbers(one, "amount", "left"), expires_at=datetime.fromisoformat(one["expires_at"]))
            for one in data["expiring"]
        ),
        requested=None if requested is None else RequestedCredits(**_numbers(requested, "amount")),
    )


def _numbers(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The fields as they are, these as numbers, and without those that are made anew."""
    kept = {key: value for key, value in data.items() if key not in ("period", "expires_at")}
    return kept | {name: Decimal(data[name]) for name in names}


def _period(data: Mapping[str, Any]) -> Period:
    return Period(date.fromisoformat(data["first"]), date.fromisoformat(data["end"]), data["time_zone"])
