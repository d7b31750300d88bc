"""The table of e-mail recipients."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.database.types import BigId, Name, UtcDateTime


class MailRecipient(SQLModel, table=True):
    """A mailbox that e-mails of a license were sent to. Its `token` allows to unsubscribe it, and nothing else.

    `mailbox` is equal for all spellings of an address, see :func:`core.addresses.mail_address.mailbox_of`.
    """

    __tablename__ = "mail_recipient"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    mailbox: str = Field(primary_key=True, sa_type=Name)
    token: str = Field(sa_type=Name, unique=True)
    unsubscribed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
