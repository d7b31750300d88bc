"""The SDK's message for a notifier, made from a message of the outbox."""

from allowance import Alert, ExpiringCredits, ForecastAlert, Message, Period, RequestedCredits

from core.delivery.messages import (
    AlertItem,
    AlertsContent,
    DeclinedContent,
    ExpiringContent,
    ExpiringItem,
    ForecastItem,
    ForecastsContent,
    RequestContent,
    RequestItem,
    read_content,
)
from core.delivery.outbox.claim import ClaimedDelivery
from core.licenses.tables import License
from core.plugins.registry import Registry
from core.text import canonical


def message_of(claimed: ClaimedDelivery, license: License, registry: Registry, consumption_url: str) -> Message:
    """Return the message, under the id of its delivery, which stays the same however often it is sent."""
    content = read_content(claimed.message.kind, claimed.message.document)
    alerts = content.alerts if isinstance(content, AlertsContent) else ()
    forecasts = content.forecasts if isinstance(content, ForecastsContent) else ()
    grants = content.grants if isinstance(content, ExpiringContent) else ()
    return Message(
        id=claimed.delivery.id,
        kind=claimed.message.kind,
        license_key=license.key,
        license_name=license.name,
        occurred_at=claimed.message.occurred_at,
        link=consumption_url.replace("{license}", license.key),
        alerts=tuple(_alert(alert, license, registry) for alert in alerts),
        forecasts=tuple(_forecast(forecast, license, registry) for forecast in forecasts),
        expiring=tuple(_expiring(grant, registry) for grant in grants),
        requested=_requested(content.request, registry)
        if isinstance(content, RequestContent | DeclinedContent)
        else None,
        reason=content.reason if isinstance(content, DeclinedContent) else None,
    )


def _alert(alert: AlertItem, license: License, registry: Registry) -> Alert:
    meter = registry.meters.get(alert.meter)
    return Alert(
        meter=alert.meter,
        title=_title(alert.meter, registry),
        unit=str(meter.unit) if meter else "",
        used=canonical(alert.used),
        limit=canonical(alert.limit),
        ratio=canonical(alert.ratio),
        status=alert.status,
        period=Period(alert.first, alert.end, license.time_zone),
    )


def _forecast(forecast: ForecastItem, license: License, registry: Registry) -> ForecastAlert:
    meter = registry.meters.get(forecast.meter)
    return ForecastAlert(
        meter=forecast.meter,
        title=_title(forecast.meter, registry),
        unit=str(meter.unit) if meter else "",
        used=canonical(forecast.used),
        limit=canonical(forecast.limit),
        ratio=canonical(forecast.ratio),
        expected=canonical(forecast.expected),
        low=canonical(forecast.low),
        high=canonical(forecast.high),
        exceeds_at=forecast.exceeds_at,
        exceeds_earliest=forecast.exceeds_earliest,
        exceeds_latest=forecast.exceeds_latest,
        period=Period(forecast.first, forecast.end, license.time_zone),
    )


def _expiring(grant: ExpiringItem, registry: Registry) -> ExpiringCredits:
    return ExpiringCredits(
        meter=grant.meter,
        title=_title(grant.meter, registry),
        amount=canonical(grant.amount),
        left=canonical(grant.left),
        entity=grant.entity,
        expires_at=grant.expires_at,
    )


def _requested(request: RequestItem, registry: Registry) -> RequestedCredits:
    return RequestedCredits(
        meter=request.meter,
        title=_title(request.meter, registry),
        amount=canonical(request.amount),
        entity=request.entity,
        note=request.note,
        requested_by=request.requested_by,
    )


def _title(meter: str, registry: Registry) -> str:
    """Return the title of a meter, or its key if it is not installed any more."""
    return str(registry.meters[meter].title) if meter in registry.meters else meter
