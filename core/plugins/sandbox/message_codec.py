"""Messages as JSON: the content of requests to notifiers. They go only to the child, and can be trusted."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from allowance import Alert, ExpiringCredits, ForecastAlert, Message, Period, RequestedCredits

_EXCEEDS: Final = ("exceeds_at", "exceeds_earliest", "exceeds_latest")


def encode_message(message: Message) -> dict[str, Any]:
    """Return the data of a message. Numbers are texts, because JSON has no exact numbers; orjson writes the dates."""
    data = asdict(message)
    requested = [data["requested"]] if data["requested"] else []
    parts = [*data["alerts"], *data["forecasts"], *data["expiring"], *requested]
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
        forecasts=tuple(
            ForecastAlert(
                **_numbers(forecast, "used", "limit", "ratio", "expected", "low", "high"),
                **_times(forecast),
                period=_period(forecast["period"]),
            )
            for forecast in data["forecasts"]
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
    """Return the fields without period and times, with the named fields as numbers."""
    fields = {key: value for key, value in data.items() if key not in ("period", "expires_at", *_EXCEEDS)}
    return fields | {name: Decimal(data[name]) for name in names}


def _times(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if data[name] is None else datetime.fromisoformat(data[name]) for name in _EXCEEDS}


def _period(data: Mapping[str, Any]) -> Period:
    return Period(date.fromisoformat(data["first"]), date.fromisoformat(data["end"]), data["time_zone"])
