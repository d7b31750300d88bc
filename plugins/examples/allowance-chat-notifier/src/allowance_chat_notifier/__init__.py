"""A notifier that posts messages to the incoming webhook of a chat tool."""

import json
import os
from decimal import Decimal
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener
from zoneinfo import ZoneInfo

from allowance import Alert, ForecastAlert, GiveUp, Message, Notifier, hookimpl

API_VERSION = 1

URL = "CHAT_WEBHOOK_URL"
TIMEOUT = 10
"""Seconds for each step of the connection. The application stops the notifier after 30 seconds in all."""
SIGNS = {"EXCEEDED": "🔴", "AT_RISK": "🟡", "OK": "🟢"}
"""The colours of the statuses, as the application shows them."""
LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class _NoRedirect(HTTPRedirectHandler):
    """A handler that follows no redirect: a message that is redirected to a login page has not arrived."""

    def redirect_request(self, *_: object) -> None:
        return None


class ChatNotifier(Notifier):
    """A notifier that posts the text of each message to the URL in ``CHAT_WEBHOOK_URL``."""

    def notify(self, message: Message) -> None:
        """Post the message. Raises GiveUp if the URL is not set or the chat tool refuses the message for good."""
        url = os.environ.get(URL, "")
        if not url.startswith(("https://", "http://")):
            raise GiveUp(f"{URL} is not the address of a webhook. Set it where the workers run, and send this again.")
        body = json.dumps({"text": text_of(message)}).encode()
        request = Request(url, body, {"Content-Type": "application/json"})
        try:
            with build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
                pass
        except HTTPError as error:
            if 400 <= error.code < 500 and error.code not in LATER:
                raise GiveUp(f"The chat tool refused it: {error.code} {error.reason}") from None
            raise


CHAT = ChatNotifier(key="chat", title="Chat", environment=(URL,))


def text_of(message: Message) -> str:
    """Return the text of a message: the name of the license, a line for each meter or grant, and the link."""
    by_meter: dict[str, list[Alert]] = {}
    for alert in message.alerts:
        by_meter.setdefault(alert.meter, []).append(alert)
    lines = [_alert(alerts, message.kind) for alerts in by_meter.values()]
    lines += [_forecast(forecast, message.kind) for forecast in message.forecasts]
    lines += [
        f"{_number(credit.left)} of {_number(credit.amount)} of {credit.title} expire on {credit.expires_at:%d %B %Y}"
        for credit in message.expiring
    ]
    if message.requested:
        request = message.requested
        note = f": {request.note}" if request.note else ""
        answer = f" was declined: {message.reason}" if message.reason else note
        lines.append(f"Request for {_number(request.amount)} of {request.title}{answer}")
    body = "\n".join(f"• {_escape(line)}" for line in lines)
    return f"*{_escape(message.license_name)}*\n{body}\n<{message.link}|My consumption>"


def _alert(alerts: list[Alert], kind: str) -> str:
    """Return one line for all thresholds of a meter, whose usage and limit are the same."""
    alert = alerts[0]
    ratios = ", ".join(f"{(alert.ratio * 100).normalize():f} %" for alert in alerts)
    limit = f"{_number(alert.limit)} {alert.unit}"
    if kind == "threshold.recovered":
        return f"🟢 {alert.title}: recovered from {ratios} of {limit}"
    if kind == "threshold.reopened":
        return f"🔴 {alert.title}: over {ratios} of {limit} again"
    share = "" if alert.percentage is None else f", {alert.percentage:g} %"
    sign = SIGNS.get(alert.status, "⚪")
    return f"{sign} {alert.title}: {_number(alert.used)} of {limit} used{share}; reached {ratios}"


def _forecast(forecast: ForecastAlert, kind: str) -> str:
    """Return the line for a forecast, with the range of the date. Days are those of the license."""
    limit = f"{_number(forecast.limit)} {forecast.unit}"
    if kind == "forecast.recovered":
        ratio = f"{(forecast.ratio * 100).normalize():f} %"
        return f"🟢 {forecast.title}: at this pace {ratio} of {limit} is not reached any more"
    zone = ZoneInfo(forecast.period.time_zone)
    at, earliest, latest = (
        f"{time.astimezone(zone):%d %B %Y}" if time else None
        for time in (forecast.exceeds_at, forecast.exceeds_earliest, forecast.exceeds_latest)
    )
    if at is None:
        return (
            f"🟡 {forecast.title}: at this pace {_number(forecast.expected)} of {limit} are used when the period ends"
        )
    between = "" if earliest == latest else f", between {earliest} and {latest}"
    return f"🟡 {forecast.title}: at this pace the limit of {limit} is exceeded on {at}{between}"


def _number(number: Decimal) -> str:
    return f"{number:,f}"


def _escape(text: str) -> str:
    """Escape the characters that begin links and mentions, such as ``<!channel>``."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@hookimpl
def allowance_notifiers() -> list[Notifier]:
    """Return the notifier of the chat."""
    return [CHAT]
