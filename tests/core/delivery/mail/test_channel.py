"""E-mail over a real mail server: what arrives, at whom, and what becomes of what is refused."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from sqlmodel import select

from core.administration.inputs import AdminInput, CreditRequestInput
from core.administration.request_credits import request_credits
from core.alerts.notified import record_notified
from core.delivery.mail.channel import MailChannel
from core.delivery.mail.subscriptions import find_recipient, unsubscribe
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.tables import Delivery
from core.licenses.tables import LicenseAdmin
from core.settings import Settings
from core.usage.entities import name_entities
from tests.fixtures.engine import NOW, Engine, usage_event

ANN = AdminInput("ann@example.com", "Ann Ünïted", "en")
BOB = AdminInput("bob@example.com", None, "fr-BE")


@dataclass
class Received:
    """A mail server's memory, and what it answers to whom."""

    mails: list[tuple[list[str], EmailMessage, bool]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    answer: str = "250 taken"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.raw.append(envelope.original_content or b"")
        message = message_from_bytes(envelope.content or b"", policy=default)  # type: ignore[arg-type]
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.rcpt_tos, message, session.ssl is not None))
        return self.answer

    def authenticate(self, _: object, __: object, ___: object, ____: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret", handled=False)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


@pytest.fixture
def received(authority: trustme.CA) -> Iterator[tuple[Received, str]]:
    """A server that wants TLS and a login; and its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    found = Received()
    controller = Controller(
        found, "127.0.0.1", free_port(), tls_context=context, require_starttls=True, authenticator=found.authenticate,
        auth_required=True, auth_require_tls=True,
    )  # fmt: skip
    controller.start()
    yield found, f"smtp://us%40er:secret@localhost:{controller.port}"
    controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def crossed(engine: Engine, *admins: AdminInput) -> None:
    engine.license(terms={"forms": 5}, admins=admins, name="Acme & Söhne")
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()


def deliver(engine: Engine, url: str | None, **settings: Any) -> None:
    channel = MailChannel(Settings(smtp_url=url, **settings), engine.database, engine.runtime.registry)
    while send_due(engine.database, {"email": channel}, on_sent=record_notified):
        pass


def outcomes(engine: Engine) -> dict[str, tuple[str, str | None]]:
    with engine.database.read() as session:
        return {one.recipient: (one.status, one.detail) for one in session.exec(select(Delivery))}


def test_each_admin_gets_one_mail_in_their_language_over_tls(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    crossed(engine, ANN, BOB)
    deliver(
        engine, url, mail_from="Allowance <no-reply@vendor.example>", public_url="https://allowance.example",
        consumption_url="https://app.example/consumption/{license}",
    )  # fmt: skip
    deliver(engine, url)
    mails = {recipients[0]: mail for recipients, mail, _ in server.mails}
    assert [len(recipients) for recipients, _, _ in server.mails] == [1, 1]
    assert all(tls for _, _, tls in server.mails)
    assert set(server.logins) == {(b"us@er", b"secret")}
    ann, bob = mails["ann@example.com"], mails["bob@example.com"]
    assert "bob" not in ann.as_string()
    assert "ann@" not in bob.as_string()
    assert ann["To"] == "Ann Ünïted <ann@example.com>"
    assert ann["From"] == "Allowance <no-reply@vendor.example>"
    assert ann["Subject"] == "Acme & Söhne: a limit of your license is exceeded"
    assert bob["Subject"] == "Acme & Söhne : une limite de votre licence est dépassée"
    assert ann["Message-ID"].endswith("@vendor.example>")
    assert ann["Message-ID"] != bob["Message-ID"]
    text = ann.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for part in (
        "Forms: 6 / 5 forms (120%)",
        "January 1, 2026 to December 31, 2026",
        "https://app.example/consumption/acme",
    ):
        assert part in text
    html = ann.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "Acme &amp; Söhne" in html
    assert ann["List-Unsubscribe"].strip().startswith("<https://allowance.example/unsubscribe/")
    assert ann["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert outcomes(engine) == dict.fromkeys(
        ("ann@example.com", "bob@example.com"), ("SENT", "The mail server took it.")
    )


def test_who_unsubscribed_or_is_no_admin_any_more_gets_nothing(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    crossed(engine, ANN, BOB)
    deliver(engine, url)
    token = (
        {to[0]: mail for to, mail, _ in server.mails}["ann@example.com"]["List-Unsubscribe"]
        .strip()
        .rpartition("/")[2][:-1]
    )
    with engine.database.write() as session:
        unsubscribe(session, find_recipient(session, token), NOW)
    engine.license(admins=[ANN, AdminInput("eve@example.com", None, None)], name="Acme & Söhne")
    engine.contract("acme", {"forms": 4}, effective_from=NOW.date(), now=NOW)
    engine.refresh(now=NOW + timedelta(hours=1))
    server.mails.clear()
    deliver(engine, url)
    assert [recipients for recipients, _, _ in server.mails] == [["eve@example.com"]]
    dropped = [status for status, _ in outcomes(engine).values()]
    assert "DROPPED" in dropped


def test_the_link_that_unsubscribes_is_in_one_piece_however_long(
    engine: Engine, received: tuple[Received, str]
) -> None:
    server, url = received
    crossed(engine, ANN)
    public_url = f"https://allowance.{'long.' * 30}example"
    deliver(engine, url, public_url=public_url)
    [raw] = server.raw
    [line] = [one for one in raw.split(b"\r\n") if one.startswith(b"List-Unsubscribe:")]
    assert line.startswith(f"List-Unsubscribe: <{public_url}/unsubscribe/".encode())
    assert line.endswith(b">")
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


@pytest.mark.parametrize(("answer", "status"), [("550 no such mailbox", "PARKED"), ("450 mailbox busy", "PENDING")])
def test_a_refusal_for_good_is_parked_and_another_is_tried_again(
    engine: Engine, received: tuple[Received, str], answer: str, status: str
) -> None:
    server, url = received
    server.refusals["ann@example.com"] = answer
    crossed(engine, ANN, BOB)
    deliver(engine, url)
    assert outcomes(engine)["ann@example.com"] == (status, f"The mail server refused it: {answer}")
    assert outcomes(engine)["bob@example.com"][0] == "SENT"


@pytest.mark.parametrize(
    ("answer", "status"), [("554 5.7.1 looks like spam", "PARKED"), ("451 4.7.1 greylisted", "PENDING")]
)
def test_a_mail_that_is_refused_for_good_is_parked_and_another_is_tried_again(
    engine: Engine, received: tuple[Received, str], answer: str, status: str
) -> None:
    server, url = received
    server.answer = answer
    crossed(engine, ANN)
    deliver(engine, url)
    assert outcomes(engine)["ann@example.com"] == (status, f"The mail server refused it: {answer}")


def test_a_refusal_of_the_sender_says_nothing_of_the_recipient_and_is_tried_again(
    engine: Engine, received: tuple[Received, str]
) -> None:
    _, url = received
    crossed(engine, ANN)
    deliver(engine, url.replace("us%40er:secret@", ""))
    status, said = outcomes(engine)["ann@example.com"]
    assert status == "PENDING"
    assert said == "The mail server refused the sender: 530 5.7.0 Authentication required"


def test_a_meter_that_is_beyond_several_thresholds_is_told_of_once(
    engine: Engine, received: tuple[Received, str]
) -> None:
    server, url = received
    engine.license(terms={"forms": 5}, admins=[ANN], at_risk={"forms": "0.8"})
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()
    deliver(engine, url)
    [(_, mail, _)] = server.mails
    body = mail.get_body(("plain",))
    assert body
    text = body.get_content()
    assert text.count("6 / 5 forms (120%)") == text.count("Reached: 80% and 100% of the limit") == 1


def test_a_name_that_spells_a_header_is_read_as_a_name(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    name = "=?utf-8?q?x=0D=0AX-Injected:_1?="
    engine.license(terms={"forms": 5}, admins=(AdminInput("ann@example.com", name),), name=name)
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()
    deliver(engine, url)
    [(_, mail, _)] = server.mails
    assert mail["X-Injected"] is None
    assert mail["Subject"] == f"{name}: a limit of your license is exceeded"
    [address] = mail["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "ann@example.com")
    assert b"\r\nX-Injected" not in server.raw[0]


def test_mails_of_a_license_within_a_day_are_bounded(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    crossed(engine, ANN, BOB, AdminInput("cem@example.com"))
    deliver(engine, url, alert_mails_per_day=2)
    assert len(server.mails) == 2
    said = "The license got 2 e-mails within 24 hours already (ALLOWANCE_ALERT_MAILS_PER_DAY)."
    assert sorted(outcomes(engine).values()) == [("PARKED", said), *[("SENT", "The mail server took it.")] * 2]


def test_an_address_that_cannot_be_written_to_is_parked_at_once(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    crossed(engine, ANN)
    with engine.database.write() as session:  # from before such addresses were refused
        for table in (LicenseAdmin, Delivery):
            column = "email" if table is LicenseAdmin else "recipient"
            session.execute(sa.update(table).values({column: "a..b@example.com"}))
    deliver(engine, url)
    said = "'a..b@example.com' is no address that mail can be written to."
    assert outcomes(engine) == {"a..b@example.com": ("PARKED", said)}
    assert server.mails == []


def test_a_wrong_password_is_no_loss(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    crossed(engine, ANN)
    deliver(engine, url.replace("secret", "wrong"))
    status, said = outcomes(engine)["ann@example.com"]
    assert (status, server.mails) == ("PENDING", [])
    assert said is not None
    assert "(535, " in said


def test_a_password_never_goes_over_a_line_without_tls(engine: Engine) -> None:
    found = Received()
    controller = Controller(found, "127.0.0.1", free_port(), authenticator=found.authenticate, auth_require_tls=False)
    controller.start()
    try:
        crossed(engine, ANN)
        deliver(engine, f"smtp://user:secret@127.0.0.1:{controller.port}")
        said = "The mail server did not take it: The server offers no STARTTLS, and a password needs it."
        assert outcomes(engine)["ann@example.com"] == ("PENDING", said)
        assert (found.logins, found.mails) == ([], [])
    finally:
        controller.stop()


def test_without_a_mail_server_what_would_be_sent_is_in_the_log(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    crossed(engine, ANN)
    with caplog.at_level("INFO"):
        deliver(engine, None)
    assert "Forms: 6 / 5 forms" in caplog.text
    assert outcomes(engine)["ann@example.com"] == ("SENT", "Written to the log, as ALLOWANCE_SMTP_URL is not set.")


def test_operators_are_written_to_with_the_command_that_grants(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    engine.license(name="Acme & Söhne")
    given = CreditRequestInput("acme", Decimal(5000), "be'; rm -rf /", "Bcc: eve@example.com, <b>please</b>")
    operators = ["ann@example.com", "gone@example.com"]
    with engine.database.write() as session:
        name_entities(session, [(engine.id(), "be'; rm -rf /")])
        request = request_credits(session, given, engine.runtime.registry, operators, "My consumption", NOW)
    deliver(engine, url, operators_email="ann@example.com, bob@example.com")
    [(recipients, mail, tls)] = server.mails
    assert (recipients, tls, mail["To"]) == (["ann@example.com"], True, "ann@example.com")
    assert mail["Subject"] == "Acme & Söhne requests 5,000 credits"
    assert (mail["Bcc"], mail["List-Unsubscribe"]) == (None, None)
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for part in (
        "The license Acme & Söhne (acme) requests 5,000 credits of SMS credits.\r\n",
        "For the entity: be'; rm -rf /\r\n",
        "Note: Bcc: eve@example.com, <b>please</b>\r\n",
        "Requested with the key: My consumption\r\n",
        "page for operators:\r\nhttp://127.0.0.1:8000/operator?view=requests\r\n",
        f"\n  allowance credits grant acme 5000 --request {request.id}\r\n",
    ):
        assert part in text
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "&lt;b&gt;please" in html
    assert outcomes(engine) == {
        "ann@example.com": ("SENT", "The mail server took it."),
        "gone@example.com": ("PENDING", "This worker's ALLOWANCE_OPERATORS_EMAIL does not name this operator."),
    }


def test_admins_are_written_to_before_credits_expire(engine: Engine, received: tuple[Received, str]) -> None:
    server, url = received
    engine.license(admins=[BOB], name="Acme")
    engine.grant("acme", "g", 10, expires_at=NOW + timedelta(days=5), entity="be")
    engine.refresh()
    deliver(engine, url, public_url="https://allowance.example")
    [(_, mail, _)] = server.mails
    assert mail["Subject"] == "Acme : des crédits expirent bientôt"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for part in ("Crédits SMS : il reste 10 sur 10 crédits", "Réservés à be", "le 20 mars 2026 à 12:00 (UTC)"):
        assert part in text
    assert mail["List-Unsubscribe"].strip().startswith("<https://allowance.example/unsubscribe/")
