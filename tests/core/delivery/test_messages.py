"""The contents of messages, as they are stored and published."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.delivery.message_kinds import (
    CREDITS_DECLINED,
    CREDITS_EXPIRING,
    CREDITS_REQUESTED,
    CROSSED,
    FORECAST_CROSSED,
    FORECAST_RECOVERED,
    RECOVERED,
    TEST,
)
from core.delivery.messages import (
    AlertItem,
    AlertsContent,
    DeclinedContent,
    ExpiringContent,
    ExpiringItem,
    ForecastItem,
    ForecastsContent,
    MessageContent,
    RequestContent,
    RequestItem,
    WebhookTestContent,
    read_content,
)

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)
ALERT = AlertItem(
    "a1", "forms", date(2026, 1, 1), date(2027, 1, 1), Decimal("0.8"), Decimal(5), "5 forms", 1, Decimal("4.5"),
    "AT_RISK", AT, AT + timedelta(minutes=30), None,
)  # fmt: skip
ALERT_DOCUMENT = {
    "id": "a1",
    "meter": "forms",
    "period": {"first": "2026-01-01", "end": "2027-01-01"},
    "ratio": "0.8",
    "limit": "5",
    "basis": "5 forms",
    "contractVersion": 1,
    "used": "4.5",
    "status": "AT_RISK",
    "crossedAt": "2026-03-15T12:00:00+00:00",
    "foundAt": "2026-03-15T12:30:00+00:00",
    "recoveredAt": None,
}
FORECAST = ForecastItem(
    "f1", "forms", date(2026, 1, 1), date(2027, 1, 1), Decimal(1), Decimal(5), "5 forms", 1, Decimal("4"), Decimal(7),
    Decimal(4), Decimal(9), None, AT, None, AT, None,
)  # fmt: skip
FORECAST_DOCUMENT = {
    "id": "f1",
    "meter": "forms",
    "period": {"first": "2026-01-01", "end": "2027-01-01"},
    "ratio": "1",
    "limit": "5",
    "basis": "5 forms",
    "contractVersion": 1,
    "used": "4",
    "expected": "7",
    "low": "4",
    "high": "9",
    "exceedsAt": None,
    "exceedsEarliest": "2026-03-15T12:00:00+00:00",
    "exceedsLatest": None,
    "foundAt": "2026-03-15T12:00:00+00:00",
    "recoveredAt": None,
}
GRANT = ExpiringItem("g1", "sms_credits", Decimal("1E+3"), Decimal("0.5"), None, AT, 7)
GRANT_DOCUMENT = {
    "id": "g1",
    "meter": "sms_credits",
    "amount": "1000",
    "left": "0.5",
    "entity": None,
    "expiresAt": "2026-03-15T12:00:00+00:00",
    "days": 7,
}
REQUEST = RequestItem("r1", "sms_credits", Decimal(5000), "north", "soon", "acme key", AT)
REQUEST_DOCUMENT = {
    "id": "r1",
    "meter": "sms_credits",
    "amount": "5000",
    "entity": "north",
    "note": "soon",
    "requestedBy": "acme key",
    "requestedWith": "acme key",
    "person": None,
    "requestedAt": "2026-03-15T12:00:00+00:00",
}


@pytest.mark.parametrize(
    ("kind", "content", "document"),
    [
        (CROSSED, AlertsContent((ALERT,)), {"alerts": [ALERT_DOCUMENT]}),
        (RECOVERED, AlertsContent(), {"alerts": []}),
        (FORECAST_CROSSED, ForecastsContent((FORECAST,)), {"forecasts": [FORECAST_DOCUMENT]}),
        (FORECAST_RECOVERED, ForecastsContent(), {"forecasts": []}),
        (CREDITS_EXPIRING, ExpiringContent((GRANT,)), {"grants": [GRANT_DOCUMENT]}),
        (CREDITS_REQUESTED, RequestContent(REQUEST), {"request": REQUEST_DOCUMENT}),
        (
            CREDITS_DECLINED,
            DeclinedContent(REQUEST, "used up"),
            {"request": REQUEST_DOCUMENT, "reason": "used up"},
        ),
        (TEST, WebhookTestContent("platform"), {"endpoint": "platform"}),
    ],
)
def test_a_content_is_stored_as_published_and_read_back(
    kind: str, content: MessageContent, document: dict[str, object]
) -> None:
    assert content.to_document() == document
    assert read_content(kind, document) == content
