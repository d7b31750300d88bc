"""Unsubscribing from a license's e-mails, by the token that each of them carries."""

import re
from datetime import datetime
from typing import Final

from sqlmodel import Session, select

from core.delivery.mail.tables import MailRecipient
from core.errors import NotFound

_TOKEN: Final = re.compile("[A-Za-z0-9_-]{32}")


def find_recipient(session: Session, token: str) -> MailRecipient:
    """Raises :class:`NotFound`."""
    known = _TOKEN.fullmatch(token)
    found = session.exec(select(MailRecipient).where(MailRecipient.token == token)).first() if known else None
    if found is None:
        raise NotFound("This link is not known. Take it whole from the e-mail.")
    return found


def unsubscribe(session: Session, token: str, now: datetime) -> None:
    """Have no more e-mails go there. Doing it again changes nothing. Raises :class:`NotFound`."""
    recipient = find_recipient(session, token)
    recipient.unsubscribed_at = recipient.unsubscribed_at or now
    session.add(recipient)
