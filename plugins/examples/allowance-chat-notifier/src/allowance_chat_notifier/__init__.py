"""Posts what there is to tell to the incoming webhook of a chat tool."""

import json
import os
from decimal import Decimal
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from allowance import Alert, GiveUp, Message, Notifier, hookimpl

API_VERSION = 1

URL = "CHAT_WEBHOOK_URL"
TIMEOUT = 10
"""Seconds for a step of the connection; the application ends what takes longer than 30 as a whole."""
LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class _NoRedirect(HTTPRedirectHandler):
    """A message that is sent on to a page for people, such as a login, has not arrived."""

    def redirect_request(self, *_: object) -> None:
        return None


class ChatNotifier(Notifier):
    """Posts a text for each message to the address in ``CHAT_WEBHOOK_URL``."""

    def notify(self, message: Message) -> None:
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
    """What people read: a line for each thing, under the name of the license."""
    alerts = {one.meter: [each for each in message.alerts if each.meter == one.meter] for one in message.alerts}
    lines = [_alert(of_meter, message.kind) for of_meter in alerts.values()]
    lines += [
        f"{_number(one.left)} of {_number(one.amount)} of {one.title} expire on {one.expires_at:%d %B %Y}"
        for one in message.expiring
    ]
    if message.requested:
        one = message.requested
        lines.append(f"Asked for {_number(one.amount)} of {one.title}" + (f": {one.note}" if one.note else ""))
    told = "\n".join(f"• {_plain(line)}" for line in lines)
    return f"*{_plain(message.license_name)}*\n{told}\n<{message.link}|My consumption>"


def _alert(alerts: list[Alert], kind: str) -> str:
    """One line for all thresholds of a meter, which say the same of its usage."""
    alert = alerts[0]
    parts = ", ".join(f"{(one.ratio * 100).normalize():f} %" for one in alerts)
    limit = f"{_number(alert.limit)} {alert.unit}"
    if kind == "threshold.recovered":
        return f"🟢 {alert.title}: not at {parts} of {limit} any more"
    share = "" if alert.percentage is None else f", {alert.percentage:g} %"
    sign = "🔴" if alert.status == "EXCEEDED" else "🟡"
    return f"{sign} {alert.title}: {_number(alert.used)} of {limit} used{share}; reached {parts}"


def _number(number: Decimal) -> str:
    return f"{number:,f}"


def _plain(text: str) -> str:
    """What stands for itself: these three begin links and mentions (`<!channel>`)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@hookimpl
def allowance_notifiers() -> list[Notifier]:
    return [CHAT]
