"""Who gets e-mails of a license: admins who come and go, spellings of mailboxes, addresses beyond ASCII."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from time import monotonic

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from core.administration.admin_mail import list_mailed_admins, subscribe_admin, unsubscribe_admin
from core.administration.inputs import AdminInput, CreditRequestInput
from core.administration.request_credits import request_credits
from core.alerts.tables import Alert
from core.delivery.mail.tables import MailRecipient
from core.delivery.message_kinds import CREDITS_REQUESTED
from core.delivery.outbox.tables import Delivery, Message
from core.errors import NotFound
from tests.core.delivery.mail.test_channel import deliver, free_port, outcomes
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

HOUR = timedelta(hours=1)


@dataclass
class MailServer:
    """A mail server without TLS, and what it received."""

    url: str = ""
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        self.options.append(options)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content or b"", policy=default)  # type: ignore[arg-type]
        assert isinstance(message, EmailMessage)
        self.mails += [(recipient, message) for recipient in envelope.rcpt_tos]
        return "250 taken"

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.mails]


@pytest.fixture
def start_server() -> Iterator[Callable[[bool], MailServer]]:
    """Start a server with or without SMTPUTF8."""
    with ExitStack() as servers:

        def start(smtputf8: bool) -> MailServer:
            server = MailServer()
            controller = Controller(server, "127.0.0.1", free_port(), enable_SMTPUTF8=smtputf8)
            controller.start()
            servers.callback(controller.stop)
            server.url = f"smtp://127.0.0.1:{controller.port}"
            return server

        yield start


@pytest.fixture
def server(start_server: Callable[[bool], MailServer]) -> MailServer:
    return start_server(True)


def admins(*emails: str) -> list[AdminInput]:
    return [AdminInput(email) for email in emails]


def crossed(engine: Engine, *emails: str, key: str = "acme") -> None:
    engine.license(key, terms={"forms": 5}, admins=admins(*emails))
    engine.send(usage_event("forms.level", key, value=6))
    engine.refresh(key)


def alert_of(engine: Engine, key: str = "acme") -> Alert:
    with engine.database.read() as session:
        return session.exec(select(Alert).where(Alert.license_id == engine.id(key))).one()


def report(engine: Engine, value: int, hours: int) -> None:
    engine.send(usage_event("forms.level", time=NOW + hours * HOUR, value=value), now=NOW + hours * HOUR)
    engine.refresh(now=NOW + hours * HOUR)


def test_a_crossing_that_reached_nobody_is_mailed_to_the_admin_who_comes(engine: Engine, server: MailServer) -> None:
    crossed(engine)
    deliver(engine, server.url)
    assert (server.mails, alert_of(engine).notified_at) == ([], None)
    engine.license(admins=admins("ann@example.com"))
    deliver(engine, server.url)
    [(recipient, mail)] = server.mails
    assert (recipient, mail["Subject"]) == ("ann@example.com", "Acme: a limit of your license is exceeded")
    alert = alert_of(engine)
    assert alert.notified_at is not None
    assert alert.mailed_at == alert.notified_at
    engine.license(admins=admins("ann@example.com", "bob@example.com"))
    report(engine, 7, hours=1)
    deliver(engine, server.url)
    assert server.recipients == ["ann@example.com"]


def test_an_admin_whose_mail_is_on_its_way_gets_it_once(engine: Engine, server: MailServer) -> None:
    crossed(engine, "ann@example.com")
    for emails in ((), ("Ann@example.com",), ("ann@example.com", "bob@example.com")):
        engine.license(admins=admins(*emails))
    deliver(engine, server.url)
    assert sorted(server.recipients) == ["ann@example.com", "bob@example.com"]


def test_an_admin_who_replaces_the_one_whose_mail_was_not_sent_yet_gets_it(engine: Engine, server: MailServer) -> None:
    crossed(engine, "ann@example.com")
    engine.license(admins=admins("bob@example.com"))
    deliver(engine, server.url)
    assert server.recipients == ["bob@example.com"]


def test_an_alert_that_has_recovered_is_mailed_when_it_opens_again_if_nobody_got_a_mail(
    engine: Engine, server: MailServer
) -> None:
    crossed(engine)
    report(engine, 4, hours=1)
    engine.license(admins=admins("ann@example.com"))
    deliver(engine, server.url)
    assert server.mails == []
    for hours, value in enumerate([6, 4, 6], start=2):
        report(engine, value, hours)
        deliver(engine, server.url)
    assert server.recipients == ["ann@example.com"]


def test_a_webhook_counts_as_notified_and_an_admin_who_comes_gets_the_mail(engine: Engine, server: MailServer) -> None:
    from core.alerts.notified import record_notified
    from core.database.leases import Lease
    from core.delivery.outbox.claim import ClaimedDelivery

    crossed(engine)
    with engine.database.write() as session:
        message = session.exec(select(Message)).one()
        delivery = Delivery(
            license_id=message.license_id, id="d", message_id=message.id, channel="webhook", recipient="p", due_at=None,
            created_at=NOW,
        )  # fmt: skip
        lease = Lease("a claim", timedelta(minutes=1), monotonic())
        record_notified(session, ClaimedDelivery(delivery, message, lease))
    assert alert_of(engine).notified_at is not None
    assert alert_of(engine).mailed_at is None
    engine.license(admins=admins("ann@example.com"))
    deliver(engine, server.url)
    assert server.recipients == ["ann@example.com"]


def test_an_admin_who_was_removed_and_comes_back_is_subscribed(engine: Engine, server: MailServer) -> None:
    engine.license(terms={"forms": 5}, admins=admins("ann@example.com", "bob@example.com"))
    with engine.database.write() as session:
        for email in ("ann@example.com", "bob@example.com"):
            unsubscribe_admin(session, engine.id(), email, NOW)
    engine.license(admins=admins("bob@example.com"))
    engine.license(admins=admins("Ann@example.com", "BOB@example.com"))
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()
    deliver(engine, server.url)
    assert server.recipients == ["Ann@example.com"]


def test_an_admin_who_is_subscribed_again_gets_what_nobody_got(engine: Engine, server: MailServer) -> None:
    engine.license(terms={"forms": 5}, admins=admins("ann@example.com"))
    with engine.database.write() as session:
        unsubscribe_admin(session, engine.id(), "ANN@example.com", NOW)
    crossed(engine, "ann@example.com")
    deliver(engine, server.url)
    assert server.mails == []
    with engine.database.write() as session:
        assert subscribe_admin(session, engine.id(), "ann@example.com", NOW) == 1
        assert subscribe_admin(session, engine.id(), "ann@example.com", NOW) == 0
        with pytest.raises(NotFound, match=r"has no admin 'an@.*Did you mean 'ann@example.com'"):
            subscribe_admin(session, engine.id(), "an@example.com", NOW)
    deliver(engine, server.url)
    assert server.recipients == ["ann@example.com"]


def test_one_mailbox_in_several_spellings_gets_one_mail(engine: Engine, server: MailServer) -> None:
    crossed(
        engine, "Ann@Example.com", "ann@example.com", "ann@EXAMPLE.COM", "bob@exämple.com", "bob@xn--exmple-cua.com"
    )
    deliver(engine, server.url)
    assert sorted(address.lower() for address in server.recipients) == ["ann@example.com", "bob@xn--exmple-cua.com"]
    with engine.database.read() as session:
        assert len(list_mailed_admins(session, engine.id())) == 2


def test_one_operator_in_several_spellings_gets_one_mail(engine: Engine, server: MailServer) -> None:
    from core.settings import Settings

    engine.license()
    settings = Settings(operators_email="Ops@example.com, ops@example.com")
    with engine.database.write() as session:
        given = CreditRequestInput("acme", Decimal(5))
        request_credits(session, given, engine.runtime.registry, settings.operators, "key", NOW)
        assert [one.kind for one in session.exec(select(Message))] == [CREDITS_REQUESTED]
    deliver(engine, server.url, operators_email="ops@example.com")
    assert server.recipients == ["Ops@example.com"]


def test_a_domain_beyond_ascii_is_written_to_in_its_ascii_form(
    engine: Engine, start_server: Callable[[bool], MailServer]
) -> None:
    plain = start_server(False)
    crossed(engine, "ann@exämple.com")
    deliver(engine, plain.url, mail_from="Allowance <no-reply@vendör.example>")
    [(recipient, mail)] = plain.mails
    assert (recipient, mail["To"]) == ("ann@xn--exmple-cua.com", "ann@xn--exmple-cua.com")
    assert mail["From"] == "Allowance <no-reply@xn--vendr-mua.example>"
    assert mail["Message-ID"].endswith("@xn--vendr-mua.example>")
    assert "SMTPUTF8" not in plain.options[0]


def test_an_address_that_needs_smtputf8_is_sent_to_where_the_server_has_it_and_else_parked(
    engine: Engine, start_server: Callable[[bool], MailServer]
) -> None:
    plain, modern = start_server(False), start_server(True)
    crossed(engine, "änn@exämple.com", "bob@example.com")
    deliver(engine, plain.url)
    reason = "The address änn@xn--exmple-cua.com needs SMTPUTF8, which the mail server 127.0.0.1 does not offer."
    assert outcomes(engine)["änn@exämple.com"] == ("PARKED", reason)
    assert plain.recipients == ["bob@example.com"]
    crossed(engine, "änn@exämple.com", key="globex")
    deliver(engine, modern.url)
    [(recipient, mail)] = modern.mails
    assert (recipient, mail["To"]) == ("änn@xn--exmple-cua.com", "änn@xn--exmple-cua.com")
    assert "SMTPUTF8" in modern.options[0]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sets(st.sampled_from(["ann@example.com", "Ann@example.com", "bob@example.com"]))),
        st.tuples(st.just("unsubscribe"), st.sampled_from(["ann@example.com", "bob@example.com"])),
        st.tuples(st.just("cross"), st.just(None)),
        st.tuples(st.just("send"), st.just(None)),
    ),
    max_size=10,
)


@examples(15)
@given(STEPS)
def test_every_admin_is_subscribed_as_the_last_step_left_them_and_a_crossing_is_mailed_once(
    engine: Engine, start_server: Callable[[bool], MailServer], steps: list[tuple[str, object]]
) -> None:
    server, key, present, ended, has_crossed = start_server(True), new_key(), set[str](), set[str](), False
    engine.license(key, terms={"forms": 5})
    for step, value in [*steps, ("send", None)]:
        match step:
            case "put":
                assert isinstance(value, set)
                engine.license(key, admins=admins(*sorted(value)))
                mailboxes = {email.lower() for email in value}
                ended -= mailboxes - present
                present = mailboxes
            case "unsubscribe" if value in present:
                with engine.database.write() as session:
                    unsubscribe_admin(session, engine.id(key), str(value), NOW)
                ended.add(str(value))
            case "cross" if not has_crossed:
                engine.send(usage_event("forms.level", key, value=6))
                engine.refresh(key)
                has_crossed = True
            case "send":
                deliver(engine, server.url)
        with engine.database.read() as session:
            listed = list_mailed_admins(session, engine.id(key))
            assert {one.email.lower(): one.unsubscribed_at is None for one in listed} == {
                mailbox: mailbox not in ended for mailbox in present
            }
    mails = [recipient.lower() for recipient in server.recipients]
    assert len(mails) == len({*mails})
    if has_crossed:
        assert (alert_of(engine, key).mailed_at is None) == (not mails)
        assert mails or not present - ended
    with engine.database.read() as session:
        rows = session.exec(select(MailRecipient.mailbox).where(col(MailRecipient.license_id) == engine.id(key)))
        assert all(mailbox == mailbox.lower() for mailbox in rows)
