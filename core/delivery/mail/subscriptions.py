"""The subscriptions of mailboxes to the e-mails of a license. Whoever gets an e-mail can end the subscription."""

import re
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select, update

from core.addresses.mail_address import mailbox_of
from core.database.dialect import insert_into
from core.delivery.mail.tables import MailRecipient
from core.errors import NotFound

_TOKEN: Final = re.compile("[A-Za-z0-9_-]{32}")


def find_recipient(session: Session, token: str) -> MailRecipient:
    """Return the recipient with a token.

    Raises:
        NotFound: If no recipient has this token.
    """
    is_token = _TOKEN.fullmatch(token)
    found = session.exec(select(MailRecipient).where(MailRecipient.token == token)).first() if is_token else None
    if found is None:
        raise NotFound("This link is not known. Copy the whole link from the e-mail.")
    return found


def recipient_of(session: Session, license_id: int, email: str) -> MailRecipient:
    """Return the row of an address's mailbox, with the token that ends its subscription. The token never changes."""
    mailbox = mailbox_of(email)
    row = {"license_id": license_id, "mailbox": mailbox, "token": secrets.token_urlsafe(24)}
    session.execute(insert_into(session, MailRecipient).values(row).on_conflict_do_nothing())
    return session.get_one(MailRecipient, (license_id, mailbox), populate_existing=True)


def unsubscribed_since(session: Session, licenses: Collection[int]) -> dict[tuple[int, str], datetime]:
    """Return since when mailboxes get no e-mails of licenses, by the license's id and the mailbox."""
    ended = col(MailRecipient.unsubscribed_at)
    rows = session.exec(
        select(MailRecipient.license_id, MailRecipient.mailbox, ended).where(
            col(MailRecipient.license_id).in_(licenses), ended.is_not(None)
        )
    )
    return {(license_id, mailbox): since for license_id, mailbox, since in rows if since is not None}


def unsubscribe(session: Session, recipient: MailRecipient, now: datetime) -> None:
    """Stop sending e-mails to a recipient. Changes the row; a second call changes nothing."""
    recipient.unsubscribed_at = recipient.unsubscribed_at or now
    session.add(recipient)


def subscribe(session: Session, license_id: int, mailboxes: Collection[str]) -> None:
    """Send e-mails of a license to mailboxes again that were unsubscribed. The others stay as they are."""
    session.execute(
        update(MailRecipient)
        .where(
            col(MailRecipient.license_id) == license_id,
            col(MailRecipient.mailbox).in_(mailboxes),
            col(MailRecipient.unsubscribed_at).is_not(None),
        )
        .values(unsubscribed_at=None)
    )
