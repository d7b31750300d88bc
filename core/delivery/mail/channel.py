"""E-mail as a channel of the outbox. Each admin of a license and each operator gets an e-mail of their own."""

import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Final

from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from sqlmodel import Session, select

from core.addresses.mail_address import BadAddress, address_of, mailbox_of
from core.addresses.smtp_server import SmtpServer
from core.database.engine import Database
from core.delivery.mail.headers import POLICY, UnsafeHeader, verify_headers
from core.delivery.mail.letters import mail_to_admin, mail_to_operator
from core.delivery.mail.render import Mail
from core.delivery.mail.smtp import NeedsSmtpUtf8, send
from core.delivery.mail.subscriptions import recipient_of
from core.delivery.message_kinds import CREDITS_REQUESTED
from core.delivery.messages import (
    AlertsContent,
    DeclinedContent,
    ExpiringContent,
    ForecastsContent,
    RequestContent,
    WebhookTestContent,
    read_content,
)
from core.delivery.outbox.claim import ClaimedDelivery
from core.delivery.outbox.counts import count_sent_since
from core.delivery.outbox.outcome import Outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from core.languages.negotiation import Negotiator
from core.languages.words import words_in
from core.licenses.tables import License, LicenseAdmin
from core.plugins.registry import Registry
from core.settings import Settings

logger = logging.getLogger(__name__)

_DAY: Final = timedelta(days=1)
_NOBODY: Final = Outcome(DeliveryStatus.DROPPED, "No admin of the license any more, or unsubscribed.")
_NO_OPERATOR: Final = Outcome(None, "This worker's ALLOWANCE_OPERATORS_EMAIL does not name this operator.")
"""Tried again, as the settings of another worker may name the operator."""


class TooManyMails(Exception):
    """A license whose admins got as many e-mails within a day as they may get. Operators may send further ones."""


class MailChannel:
    """The e-mail channel. Without a mail server in the settings, it writes e-mails to the log."""

    def __init__(self, settings: Settings, database: Database, registry: Registry) -> None:
        """Prepare the channel. Each e-mail opens a connection of its own."""
        self._settings = settings
        self._database = database
        self._registry = registry
        self._languages = Negotiator(registry.languages)
        self._server = SmtpServer.of(settings.smtp_url) if settings.smtp_url else None
        self._tls = ssl.create_default_context()  # made once: reading all certificates takes longer than sending

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        """Send an e-mail, or write it to the log."""
        try:
            with self._database.write() as session:
                message = self._message(session, claimed)
            if message is not None:
                verify_headers(message)
        except (BadAddress, UnsafeHeader, TooManyMails) as problem:
            return Outcome(DeliveryStatus.PARKED, str(problem))
        if message is None:
            return _NO_OPERATOR if claimed.message.kind == CREDITS_REQUESTED else _NOBODY
        if self._server is None:
            logger.info("ALLOWANCE_SMTP_URL is not set; this would be sent:\n%s", _text(message))
            detail = "Written to the log, as ALLOWANCE_SMTP_URL is not set."
            return Outcome(DeliveryStatus.SENT, detail, reached=False)
        return _send(self._server, message, self._tls, claimed.require_lease)

    def _message(self, session: Session, claimed: ClaimedDelivery) -> EmailMessage | None:
        match read_content(claimed.message.kind, claimed.message.document):
            case RequestContent() as content:
                return self._to_operator(session, claimed, content)
            case AlertsContent() | ForecastsContent() | ExpiringContent() | DeclinedContent() as content:
                return self._to_admin(session, claimed, content)
            case WebhookTestContent():  # only for its endpoint
                return None

    def _to_admin(
        self,
        session: Session,
        claimed: ClaimedDelivery,
        content: AlertsContent | ForecastsContent | ExpiringContent | DeclinedContent,
    ) -> EmailMessage | None:
        delivery = claimed.delivery
        admin = _admin(session, delivery)
        if admin is None:
            return None
        recipient = recipient_of(session, admin.license_id, admin.email)
        if recipient.unsubscribed_at:
            return None
        if (
            count_sent_since(session, delivery.license_id, datetime.now(UTC) - _DAY)
            >= self._settings.alert_mails_per_day
        ):
            raise TooManyMails(
                f"The license got {self._settings.alert_mails_per_day} e-mails within 24 hours already "
                "(ALLOWANCE_ALERT_MAILS_PER_DAY)."
            )
        unsubscribe = f"{self._settings.public_url}/unsubscribe/{recipient.token}"
        mail = mail_to_admin(
            content,
            _license(session, delivery.license_id),
            self._registry,
            words_in(self._languages.accepted(admin.language)),
            self._settings.consumption_page,
            unsubscribe,
        )
        message = self._envelope(claimed, address_of(admin.email, admin.name or ""), mail)
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        return message

    def _to_operator(self, session: Session, claimed: ClaimedDelivery, content: RequestContent) -> EmailMessage | None:
        delivery = claimed.delivery
        if mailbox_of(delivery.recipient) not in map(mailbox_of, self._settings.operators):
            return None
        mail = mail_to_operator(
            content, _license(session, delivery.license_id), self._registry, self._settings.public_url
        )
        return self._envelope(claimed, address_of(delivery.recipient), mail)

    def _envelope(self, claimed: ClaimedDelivery, to: Address, mail: Mail) -> EmailMessage:
        name, email = parseaddr(self._settings.mail_from)
        sender = address_of(email, name)
        message = EmailMessage(POLICY)
        message["Message-ID"] = f"<{claimed.delivery.id}@{sender.domain}>"
        message["Date"] = format_datetime(claimed.message.occurred_at)
        message["From"] = sender
        message["To"] = to
        message["Subject"] = mail.subject
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


def _send(server: SmtpServer, message: EmailMessage, tls: ssl.SSLContext, require_lease: Callable[[], None]) -> Outcome:
    try:
        return Outcome(DeliveryStatus.SENT, send(server, message, tls, require_lease))
    except NeedsSmtpUtf8 as error:
        return Outcome(DeliveryStatus.PARKED, f"{error}")
    except SMTPRecipientsRefused as error:
        [refusal] = error.recipients
        return _refused(refusal)
    except SMTPDataError as error:
        return _refused(error)
    except SMTPSenderRefused as error:  # not the recipient's fault, and mended in the settings
        return Outcome(None, f"The mail server refused the sender: {error.code} {_readable(error.message)}")
    except (OSError, SMTPException) as error:
        return Outcome(None, f"The mail server did not take it: {error}")


def _refused(refusal: SMTPResponseException) -> Outcome:
    # RFC 5321, section 4.2.1: a command refused with a code that begins with 5 will not succeed later.
    status = DeliveryStatus.PARKED if refusal.code >= 500 else None
    return Outcome(status, f"The mail server refused it: {refusal.code} {_readable(refusal.message)}")


def _readable(answer: str) -> str:
    """Replace bytes that are not UTF-8, which aiosmtplib keeps as surrogates and no database stores."""
    return answer.encode(errors="surrogateescape").decode(errors="replace")


def _license(session: Session, license_id: int) -> License:
    return session.exec(select(License).where(License.id == license_id)).one()


def _admin(session: Session, delivery: Delivery) -> LicenseAdmin | None:
    """Return the admin whose mailbox a delivery goes to, also if the spelling of the address has changed since."""
    admins = session.exec(select(LicenseAdmin).where(LicenseAdmin.license_id == delivery.license_id)).all()
    mailbox = mailbox_of(delivery.recipient)
    same = [admin for admin in admins if mailbox_of(admin.email) == mailbox]
    return min(same, key=lambda admin: (admin.email != delivery.recipient, admin.email), default=None)


def _text(message: EmailMessage) -> str:
    """Return the text of an e-mail with its recipient and subject."""
    plain = message.get_body(("plain",))
    return f"To: {message['To']}\nSubject: {message['Subject']}\n\n{plain.get_content() if plain else ''}"
