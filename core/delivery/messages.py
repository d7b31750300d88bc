"""The contents of messages, and the JSON documents that store them.

Five producers make contents (alerts, alerts on forecasts, credits about to expire, requests for credits, and answers
that decline them) and three consumers read them (e-mails, webhooks, notifiers). Webhooks publish the documents as they
are stored: docs/webhooks.md describes them, so that their keys and texts must not change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from core.access.person import Person, read_person, requester_name, stored_person
from core.delivery.message_kinds import (
    CREDITS_DECLINED,
    CREDITS_EXPIRING,
    CREDITS_REQUESTED,
    FORECAST_CROSSED,
    FORECAST_RECOVERED,
    TEST,
)


@dataclass(frozen=True, slots=True)
class AlertItem:
    """A crossed threshold, as a message lists it: `used` of `limit` passed `ratio` in the period [first, end)."""

    id: str
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
    found_at: datetime
    recovered_at: datetime | None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "AlertItem":
        """Read an item of `alerts`."""
        return cls(
            id=document["id"],
            meter=document["meter"],
            first=date.fromisoformat(document["period"]["first"]),
            end=date.fromisoformat(document["period"]["end"]),
            ratio=Decimal(document["ratio"]),
            limit=Decimal(document["limit"]),
            basis=document["basis"],
            contract_version=document["contractVersion"],
            used=Decimal(document["used"]),
            status=document["status"],
            crossed_at=datetime.fromisoformat(document["crossedAt"]),
            # Messages of before 1.1 have one time for both.
            found_at=datetime.fromisoformat(document.get("foundAt", document["crossedAt"])),
            recovered_at=_read_time(document["recoveredAt"]),
        )

    def to_document(self) -> dict[str, Any]:
        """Return the item as JSON stores it."""
        return {
            "id": self.id,
            "meter": self.meter,
            "period": {"first": self.first.isoformat(), "end": self.end.isoformat()},
            "ratio": str(self.ratio),
            "limit": str(self.limit),
            "basis": self.basis,
            "contractVersion": self.contract_version,
            "used": str(self.used),
            "status": self.status,
            "crossedAt": self.crossed_at.isoformat(),
            "foundAt": self.found_at.isoformat(),
            "recoveredAt": _time_text(self.recovered_at),
        }


@dataclass(frozen=True, slots=True)
class ForecastItem:
    """A forecast that reached `ratio` of `limit` at the end of the period [first, end), as a message lists it.

    `expected` is the usage at the end of the period, between `low` and `high`. `exceeds_at`, `exceeds_earliest` and
    `exceeds_latest` are when the limit is exceeded; None where it may as well be never.
    """

    id: str
    meter: str
    first: date
    end: date
    ratio: Decimal
    limit: Decimal
    basis: str
    contract_version: int
    used: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal
    exceeds_at: datetime | None
    exceeds_earliest: datetime | None
    exceeds_latest: datetime | None
    found_at: datetime
    recovered_at: datetime | None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ForecastItem":
        """Read an item of `forecasts`."""
        return cls(
            id=document["id"],
            meter=document["meter"],
            first=date.fromisoformat(document["period"]["first"]),
            end=date.fromisoformat(document["period"]["end"]),
            ratio=Decimal(document["ratio"]),
            limit=Decimal(document["limit"]),
            basis=document["basis"],
            contract_version=document["contractVersion"],
            used=Decimal(document["used"]),
            expected=Decimal(document["expected"]),
            low=Decimal(document["low"]),
            high=Decimal(document["high"]),
            exceeds_at=_read_time(document["exceedsAt"]),
            exceeds_earliest=_read_time(document["exceedsEarliest"]),
            exceeds_latest=_read_time(document["exceedsLatest"]),
            found_at=datetime.fromisoformat(document["foundAt"]),
            recovered_at=_read_time(document["recoveredAt"]),
        )

    def to_document(self) -> dict[str, Any]:
        """Return the item as JSON stores it."""
        return {
            "id": self.id,
            "meter": self.meter,
            "period": {"first": self.first.isoformat(), "end": self.end.isoformat()},
            "ratio": str(self.ratio),
            "limit": str(self.limit),
            "basis": self.basis,
            "contractVersion": self.contract_version,
            "used": str(self.used),
            "expected": str(self.expected),
            "low": str(self.low),
            "high": str(self.high),
            "exceedsAt": _time_text(self.exceeds_at),
            "exceedsEarliest": _time_text(self.exceeds_earliest),
            "exceedsLatest": _time_text(self.exceeds_latest),
            "foundAt": self.found_at.isoformat(),
            "recoveredAt": _time_text(self.recovered_at),
        }


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _time_text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


@dataclass(frozen=True, slots=True)
class ExpiringItem:
    """A grant that expires within `days`, as a message lists it: `left` of `amount` credits are unused."""

    id: str
    meter: str
    amount: Decimal
    left: Decimal
    entity: str | None
    expires_at: datetime
    days: int

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ExpiringItem":
        """Read an item of `grants`."""
        return cls(
            id=document["id"],
            meter=document["meter"],
            amount=Decimal(document["amount"]),
            left=Decimal(document["left"]),
            entity=document["entity"],
            expires_at=datetime.fromisoformat(document["expiresAt"]),
            days=document["days"],
        )

    def to_document(self) -> dict[str, Any]:
        """Return the item as JSON stores it."""
        return {
            "id": self.id,
            "meter": self.meter,
            "amount": f"{self.amount:f}",
            "left": f"{self.left:f}",
            "entity": self.entity,
            "expiresAt": self.expires_at.isoformat(),
            "days": self.days,
        }


@dataclass(frozen=True, slots=True)
class RequestItem:
    """A request for credits, as a message states it.

    `requested_with` is the name of the key that it was made with, `person` the person of its session, if it was one.
    """

    id: str
    meter: str
    amount: Decimal
    entity: str | None
    note: str | None
    requested_with: str
    requested_at: datetime
    person: Person | None = None

    @property
    def requested_by(self) -> str:
        """The name of the person, or that of the key without a person."""
        return requester_name(self.person, self.requested_with)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "RequestItem":
        """Read a `request`."""
        return cls(
            id=document["id"],
            meter=document["meter"],
            amount=Decimal(document["amount"]),
            entity=document["entity"],
            note=document["note"],
            requested_with=document.get("requestedWith", document["requestedBy"]),
            requested_at=datetime.fromisoformat(document["requestedAt"]),
            person=read_person(document.get("person")),
        )

    def to_document(self) -> dict[str, Any]:
        """Return the request as JSON stores it."""
        return {
            "id": self.id,
            "meter": self.meter,
            "amount": f"{self.amount:f}",
            "entity": self.entity,
            "note": self.note,
            "requestedBy": self.requested_by,
            "requestedWith": self.requested_with,
            "requestedAt": self.requested_at.isoformat(),
            "person": stored_person(self.person),
        }


@dataclass(frozen=True, slots=True)
class AlertsContent:
    """The content of the messages about thresholds, of any kind: alerts by meter and ratio."""

    alerts: tuple[AlertItem, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the document that is stored and published."""
        return {"alerts": [alert.to_document() for alert in self.alerts]}


@dataclass(frozen=True, slots=True)
class ForecastsContent:
    """The content of the messages about forecasts: what they reached, by meter and ratio."""

    forecasts: tuple[ForecastItem, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the document that is stored and published."""
        return {"forecasts": [forecast.to_document() for forecast in self.forecasts]}


@dataclass(frozen=True, slots=True)
class ExpiringContent:
    """The content of credits.expiring: grants in the order in which they expire."""

    grants: tuple[ExpiringItem, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the document that is stored and published."""
        return {"grants": [grant.to_document() for grant in self.grants]}


@dataclass(frozen=True, slots=True)
class RequestContent:
    """The content of credits.requested."""

    request: RequestItem

    def to_document(self) -> dict[str, Any]:
        """Return the document that is stored and published."""
        return {"request": self.request.to_document()}


@dataclass(frozen=True, slots=True)
class DeclinedContent:
    """The content of credits.declined: the request, and the operator's reason."""

    request: RequestItem
    reason: str

    def to_document(self) -> dict[str, Any]:
        """Return the document that is stored and published."""
        return {"request": self.request.to_document(), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class WebhookTestContent:
    """The content of webhook.test: the key of the endpoint that is tested."""

    endpoint: str

    def to_document(self) -> dict[str, Any]:
        """Return the document that is stored and published."""
        return {"endpoint": self.endpoint}


MessageContent: TypeAlias = (
    AlertsContent | ForecastsContent | ExpiringContent | RequestContent | DeclinedContent | WebhookTestContent
)


def read_content(kind: str, document: Mapping[str, Any]) -> MessageContent:
    """Return the content of a stored message.

    Args:
        kind: The kind of the message, see :mod:`core.delivery.message_kinds`.
        document: What `to_document` of its content made.
    """
    if kind in (FORECAST_CROSSED, FORECAST_RECOVERED):
        return ForecastsContent(tuple(map(ForecastItem.from_document, document["forecasts"])))
    if kind == CREDITS_EXPIRING:
        return ExpiringContent(tuple(map(ExpiringItem.from_document, document["grants"])))
    if kind == CREDITS_REQUESTED:
        return RequestContent(RequestItem.from_document(document["request"]))
    if kind == CREDITS_DECLINED:
        return DeclinedContent(RequestItem.from_document(document["request"]), document["reason"])
    if kind == TEST:
        return WebhookTestContent(document["endpoint"])
    return AlertsContent(tuple(map(AlertItem.from_document, document["alerts"])))


def listed_alerts(kind: str, document: Mapping[str, Any]) -> tuple[AlertItem, ...]:
    """Return the alerts that a stored message lists; none for a message that is not about thresholds."""
    content = read_content(kind, document)
    return content.alerts if isinstance(content, AlertsContent) else ()


def listed_ids(kind: str, document: Mapping[str, Any]) -> set[str]:
    """Return the ids of the alerts that a stored message lists, on thresholds or on forecasts."""
    content = read_content(kind, document)
    if isinstance(content, ForecastsContent):
        return {forecast.id for forecast in content.forecasts}
    return {alert.id for alert in content.alerts} if isinstance(content, AlertsContent) else set()
