"""The page to unsubscribe from e-mails: its language, the license that it names, and the way back."""

import logging
from datetime import UTC, datetime

import pytest

from api.http.server import _hide_token
from core.administration.admin_mail import list_mailed_admins
from core.administration.inputs import AdminInput, LicenseInput
from core.administration.put_license import put_license
from core.delivery.mail.subscriptions import recipient_of
from core.licenses.tables import id_of
from tests.api.server import Client, Served


def link(served: Served, language: str | None = None, name: str = "Acme <b>& Co") -> str:
    with served.runtime.database.write() as session:
        given = LicenseInput("acme", name, admins=(AdminInput("ada@acme.example", "Ada", language),))
        license = put_license(session, given, datetime.now(UTC))
        return f"/unsubscribe/{recipient_of(session, id_of(license), 'ada@acme.example').token}"


def is_subscribed(served: Served) -> bool:
    with served.runtime.database.read() as session:
        [admin] = list_mailed_admins(session, 1)
        return admin.unsubscribed_at is None


@pytest.fixture
def client(served: Served) -> Client:
    return served.anonymous()


def test_only_a_post_changes_something_and_there_is_a_way_back(served: Served, client: Client) -> None:
    page = link(served)
    asked = client.get(page)
    assert (asked.status_code, is_subscribed(served)) == (200, True)
    assert "If you unsubscribe, you get no more e-mails about the license Acme &lt;b&gt;&amp; Co." in asked.text
    assert "<button>Unsubscribe</button>" in asked.text

    gone = client.post(page)
    assert (gone.status_code, is_subscribed(served)) == (200, False)
    assert "<h1>You are unsubscribed</h1>" in gone.text
    assert '<button name="subscribe" value="again">Subscribe again</button>' in gone.text
    assert client.get(page).text == gone.text

    back = client.post(page, data={"subscribe": "again"})
    assert (back.status_code, is_subscribed(served)) == (200, True)
    assert "<h1>You are subscribed again</h1>" in back.text
    assert "<button>Unsubscribe</button>" in back.text


def test_mail_programs_unsubscribe_by_one_click(served: Served, client: Client) -> None:
    page = link(served)
    assert client.post(page, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not is_subscribed(served)


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"subscribe" * 9_000, b"x=subscribe", b"{}"])
def test_whatever_else_is_posted_unsubscribes(served: Served, client: Client, body: bytes) -> None:
    assert client.post(link(served), content=body).status_code == 200
    assert not is_subscribed(served)


@pytest.mark.parametrize(
    ("stored", "header", "query", "title"),
    [
        ("fr", "en", "", "Se désabonner"),
        ("fr-BE", None, "", "Se désabonner"),
        (None, "fr-CH, en;q=0.5", "", "Se désabonner"),
        (None, None, "", "Unsubscribe"),
        ("nl", "fr", "", "Unsubscribe"),
        ("fr", "fr", "?lang=en", "Unsubscribe"),
        ("en", None, "?lang=fr", "Se désabonner"),
        ("fr", None, "?lang=what", "Se désabonner"),
    ],
)
def test_the_page_is_in_the_language_of_the_admin(
    served: Served, client: Client, stored: str | None, header: str | None, query: str, title: str
) -> None:
    headers = {"Accept-Language": header} if header else {}
    page = client.get(link(served, stored, "Acme") + query, headers=headers)
    language = "fr" if title == "Se désabonner" else "en"
    assert f'<html lang="{language}">' in page.text
    assert f"<h1>{title}</h1>" in page.text
    assert (page.headers["Content-Language"], page.headers["Vary"]) == (language, "Accept-Language")
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_an_unknown_link_is_said_to_be_unknown_in_the_language_of_the_browser(client: Client) -> None:
    for unknown in ("unknown", "%00", "x" * 32, "x" * 5_000, "%F0%9F%98%80"):
        for method in ("GET", "POST"):
            page = client.request(method, f"/unsubscribe/{unknown}", headers={"Accept-Language": "fr"})
            assert page.status_code == 404
            assert "<h1>Ce lien n’est pas connu</h1>" in page.text


def test_the_log_of_requests_does_not_show_the_token() -> None:
    arguments = ("127.0.0.1:1", "POST", "/unsubscribe/secret?lang=fr", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", 20, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert _hide_token(record)
    assert record.getMessage() == '127.0.0.1:1 - "POST /unsubscribe/… HTTP/1.1" 200'
    other = logging.LogRecord("uvicorn.access", 20, "", 0, "%s %s %s", ("a", "GET", "/graphql"), None)
    assert _hide_token(other)
    assert other.getMessage() == "a GET /graphql"
