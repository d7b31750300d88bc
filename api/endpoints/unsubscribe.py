"""``/unsubscribe/TOKEN``: GET shows a form, POST unsubscribes or subscribes again; mail programs post by themselves.

A mail program posts ``List-Unsubscribe=One-Click`` (RFC 8058). The button of the way back posts ``subscribe``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final
from urllib.parse import parse_qs

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from api.http.bodies import read_whole_body
from api.http.languages import page_languages
from core.administration.admin_mail import find_mailed_admin, subscribe_mailboxes
from core.colours import LINK
from core.database.engine import Database
from core.delivery.mail.subscriptions import find_recipient, unsubscribe
from core.delivery.mail.tables import MailRecipient
from core.errors import AllowanceError, NotFound
from core.languages.negotiation import Languages, Negotiator, content_language
from core.languages.words import Words, words_in
from core.licenses.find import lock_license
from core.licenses.tables import License

_PAGE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:6px;background:{colour};color:#fff;cursor:pointer}}
</style></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""
_FORM: Final = '<form method="post"><button{field}>{words}</button></form>'
_AGAIN: Final = "subscribe"
_MOST_BYTES: Final = 4096
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class _MailSubscription:
    """The state of a subscription, as the page shows it. `language` is that of the admin, or None."""

    license_name: str
    language: str | None
    is_subscribed: bool


class UnsubscribeEndpoint:
    """The endpoint behind the link in e-mails.

    A GET request changes nothing, since mail programs open links by themselves. The page is in the language that the
    URL names, else in the admin's, else in one that the browser accepts.
    """

    def __init__(self, database: Database, negotiator: Negotiator) -> None:
        """Look up recipients, and record who unsubscribed, in the database."""
        self._database = database
        self._negotiator = negotiator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        page = await self._respond(scope, receive)
        await page(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        token, is_post = scope["path_params"]["token"], scope["method"] == "POST"
        again = is_post and await _asks_again(scope, receive)
        try:
            if is_post:
                found = await run_in_threadpool(self._change, token, again=again)
            else:
                found = await run_in_threadpool(self._find, token)
        except NotFound:
            return _unknown_page(page_languages(scope, self._negotiator, None))
        languages = page_languages(scope, self._negotiator, found.language)
        return _changed_page(found, languages) if is_post else _page_of(found, languages)

    def _find(self, token: str) -> _MailSubscription:
        with self._database.read() as session:
            return _subscription(session, find_recipient(session, token))

    def _change(self, token: str, *, again: bool) -> _MailSubscription:
        with self._database.write() as session:
            recipient, now = find_recipient(session, token), datetime.now(UTC)
            if not again:
                unsubscribe(session, recipient, now)
            elif recipient.unsubscribed_at is not None:
                lock_license(session, recipient.license_id)
                subscribe_mailboxes(session, recipient.license_id, {recipient.mailbox}, now)
                session.refresh(recipient)
            return _subscription(session, recipient)


def _subscription(session: Session, recipient: MailRecipient) -> _MailSubscription:
    admin = find_mailed_admin(session, recipient.license_id, recipient.mailbox)
    license = session.get_one(License, recipient.license_id)
    return _MailSubscription(license.name, admin.language if admin else None, recipient.unsubscribed_at is None)


async def _asks_again(scope: Scope, receive: Receive) -> bool:
    """Return whether a form asks to subscribe again; whatever else is posted unsubscribes."""
    try:
        text = await read_whole_body(scope, receive, _MOST_BYTES)
    except AllowanceError:
        return False
    return _AGAIN.encode() in text and _AGAIN in parse_qs(text.decode("latin-1"), keep_blank_values=True)


def _page_of(found: _MailSubscription, languages: Languages) -> Response:
    if not found.is_subscribed:
        return _changed_page(found, languages)
    words = words_in(languages)
    text = words.sentence(
        "If you unsubscribe, you get no more e-mails about the license %(license_name)s.",
        license_name=found.license_name,
    )
    title = words.sentence("Unsubscribe")
    return _page(words, title, text, _FORM.format(field="", words=escape(title)))


def _changed_page(found: _MailSubscription, languages: Languages) -> Response:
    words = words_in(languages)
    if found.is_subscribed:
        title = words.sentence("You are subscribed again")
        text = "You get e-mails about the limits and the credits of the license %(license_name)s."
        field, button = "", words.sentence("Unsubscribe")
    else:
        title = words.sentence("You are unsubscribed")
        text = "You get no more e-mails about the license %(license_name)s."
        field, button = f' name="{_AGAIN}" value="again"', words.sentence("Subscribe again")
    form = _FORM.format(field=field, words=escape(button))
    return _page(words, title, words.sentence(text, license_name=found.license_name), form)


def _unknown_page(languages: Languages) -> Response:
    words = words_in(languages)
    title, text = words.sentence("This link is not known"), words.sentence("Copy the whole link from the e-mail.")
    return _page(words, title, text, "", 404)


def _page(words: Words, title: str, text: str, form: str, status: int = 200) -> Response:
    body = _PAGE.format(language=words.language, title=escape(title), text=escape(text), form=form, colour=LINK)
    return HTMLResponse(body, status, {**_HEADERS, "Content-Language": content_language(words.languages)})
