"""Unsubscribing from the e-mails of a license, by the token that each e-mail carries."""

import re
from datetime import datetime
from typing import Final

from sqlmodel import Session, select

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
        raise NotFound("This link is not known. Take it whole from the e-mail.")
    return found


def unsubscribe(session: Session, token: str, now: datetime) -> None:
    """Stop sending e-mails to the recipient with a token. A second call changes nothing.

    Raises:
        NotFound: If no recipient has this token.
    """
    recipient = find_recipient(session, token)
    recipient.unsubscribed_at = recipient.unsubscribed_at or now
    session.add(recipient)
