"""The e-mails for admins and operators, made from the contents of messages."""

from itertools import groupby
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Credits, Enforcement, Text, Unit

from core.access.person import Person
from core.delivery.mail.render import (
    CrossedLine,
    ExpiringLine,
    ForecastLine,
    Mail,
    RequestLine,
    render_crossed,
    render_declined,
    render_expiring,
    render_forecast,
    render_requested,
)
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
)
from core.languages.basis import basis_in_words
from core.languages.negotiation import ENGLISH_ALONE
from core.languages.words import Words, words_in
from core.licenses.alerting_ratios import FULL
from core.licenses.contact import Contact
from core.licenses.tables import License
from core.plugins.registry import Registry

_CREDITS: Final = Unit(one=Text("credit", fr="crédit"), other=Text("credits", fr="crédits"))
"""The unit of a meter of credits that is not installed any more."""


def mail_to_admin(
    content: AlertsContent | ForecastsContent | ExpiringContent | DeclinedContent,
    license: License,
    registry: Registry,
    words: Words,
    consumption_url: str,
    unsubscribe_url: str,
) -> Mail:
    """Return the e-mail for an admin of the license.

    Args:
        content: The content of the message.
        license: The license that the message is about.
        registry: The installed meters, whose titles and units the e-mail states.
        words: The words of the admin's languages.
        consumption_url: The page of a license's consumption, with "{license}" for its key.
        unsubscribe_url: The page that unsubscribes this admin.
    """
    link = consumption_url.replace("{license}", license.key)
    contact = Contact.of(license.contact_name, license.contact_email, license.contact_url)
    if isinstance(content, DeclinedContent):
        line, reason = _request_line(content.request, license, registry, words), _on_one_line(content.reason)
        return render_declined(words, license.name, license.key, line, reason, link, unsubscribe_url, contact)
    if isinstance(content, ExpiringContent):
        expiring = [_expiring_line(grant, registry, words) for grant in content.grants]
        return render_expiring(
            words, license.name, license.key, license.time_zone, expiring, link, unsubscribe_url, contact
        )
    zone = ZoneInfo(license.time_zone)
    if isinstance(content, ForecastsContent):
        forecasts = groupby(content.forecasts, attrgetter("meter"))  # listed by meter and ratio
        expected = [_forecast_line(list(of_meter)[-1], registry, zone, words) for _, of_meter in forecasts]
        return render_forecast(words, license.name, license.key, expected, link, unsubscribe_url, contact)
    by_meter = groupby(content.alerts, attrgetter("meter"))  # alerts are listed by meter and ratio
    lines = [_crossed_line(list(alerts), registry, zone, words) for _, alerts in by_meter]
    return render_crossed(words, license.name, license.key, lines, link, unsubscribe_url, contact)


def mail_to_operator(content: RequestContent, license: License, registry: Registry, public_url: str) -> Mail:
    """Return the e-mail for an operator about a request for credits, with the page and the command that answer it."""
    line = _request_line(content.request, license, registry, words_in(ENGLISH_ALONE))
    return render_requested(license.name, license.key, line, f"{public_url}/operator?view=requests")


def _request_line(request: RequestItem, license: License, registry: Registry, words: Words) -> RequestLine:
    meter = registry.meters.get(request.meter)
    amount = f"{request.amount:f}".removesuffix(".0")
    return RequestLine(
        request_id=request.id,
        title=words.text(meter.title) if meter else request.meter,
        unit=meter.unit_forms if meter else _CREDITS,
        amount=request.amount,
        entity=None if request.entity is None else _on_one_line(request.entity),
        note=None if request.note is None else _on_one_line(request.note),
        requested_by=_on_one_line(_person_text(request.person)) if request.person else None,
        requested_with=request.requested_with,
        # The command takes meter and entity from the request, so that it holds no text that users wrote.
        command=f"allowance credits grant {license.key} {amount} --request {request.id}",
    )


def _person_text(person: Person) -> str:
    """Return a person's name with the id behind it, or the id alone."""
    return f"{person.name} ({person.id})" if person.name else person.id


def _on_one_line(text: str) -> str:
    """Return a text that people wrote without line separators, after which it could look like ours."""
    return " ".join(text.split())


def _crossed_line(alerts: list[AlertItem], registry: Registry, zone: ZoneInfo, words: Words) -> CrossedLine:
    """Return the line for all crossed thresholds of a meter, with the reading of the highest.

    Days are those of the license's time zone.
    """
    alert = alerts[-1]
    meter = registry.meters.get(alert.meter)
    return CrossedLine(
        title=words.text(meter.title) if meter else alert.meter,
        unit=meter.unit_forms if meter else None,
        used=alert.used,
        limit=alert.limit,
        basis=basis_in_words(alert.basis, meter, words),
        ratios=tuple(alert.ratio for alert in alerts),
        first=alert.first,
        end=alert.end,
        status=alert.status,
        hard=meter is not None and meter.enforcement is Enforcement.HARD,
        crossed_on=tuple(each.crossed_at.astimezone(zone).date() for each in alerts),
        found_on=tuple(each.found_at.astimezone(zone).date() for each in alerts),
    )


def _forecast_line(item: ForecastItem, registry: Registry, zone: ZoneInfo, words: Words) -> ForecastLine:
    """Return the line for the forecast of a meter, which is the same for all of its ratios."""
    meter = registry.meters.get(item.meter)
    of_credits = isinstance(meter, Credits)
    at, earliest, latest = (
        None if time is None else time.astimezone(zone).date()
        for time in (item.exceeds_at, item.exceeds_earliest, item.exceeds_latest)
    )
    return ForecastLine(
        title=words.text(meter.title) if meter else item.meter,
        unit=meter.unit_forms if meter else None,
        used=item.used,
        limit=item.limit,
        basis=basis_in_words(item.basis, meter, words),
        expected=item.expected,
        low=item.low,
        high=item.high,
        first=item.first,
        end=item.end,
        exceeds_on=at,
        earliest=earliest,
        latest=latest,
        of_credits=of_credits,
        exceeds=item.ratio == FULL if of_credits else item.expected > item.limit,
    )


def _expiring_line(grant: ExpiringItem, registry: Registry, words: Words) -> ExpiringLine:
    meter = registry.meters.get(grant.meter)
    return ExpiringLine(
        title=words.text(meter.title) if meter else grant.meter,
        unit=meter.unit_forms if meter else _CREDITS,
        left=grant.left,
        amount=grant.amount,
        entity=grant.entity,
        expires_at=grant.expires_at,
    )
