"""The e-mails of a license: which admins get them, and which do not."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core.addresses.mail_address import first_spellings, mailbox_of
from core.alerts.open_alerts import mail_open_alerts
from core.consumption.snapshots import mark_changed
from core.delivery.mail.subscriptions import recipient_of, subscribe, unsubscribe, unsubscribed_since
from core.errors import NotFound
from core.licenses.find import lock_license
from core.licenses.tables import LicenseAdmin
from core.nearest import did_you_mean
from core.text import shown


@dataclass(frozen=True, slots=True)
class MailedAdmin:
    """An admin of a license, with the time since which the admin gets no e-mails of the license, or None."""

    email: str
    name: str | None
    language: str | None
    unsubscribed_at: datetime | None


def list_mailed_admins(session: Session, license_id: int) -> Sequence[MailedAdmin]:
    """Return the admins of a license by address. Spellings of one mailbox are one admin."""
    return list_all_mailed_admins(session, [license_id]).get(license_id, [])


def list_all_mailed_admins(session: Session, licenses: Collection[int]) -> dict[int, list[MailedAdmin]]:
    """Return the admins of licenses by the licenses' ids, in two statements; see :func:`list_mailed_admins`."""
    ended = unsubscribed_since(session, licenses)
    rows = session.exec(
        select(LicenseAdmin).where(col(LicenseAdmin.license_id).in_(licenses)).order_by(col(LicenseAdmin.email))
    )
    admins: dict[int, dict[str, LicenseAdmin]] = defaultdict(dict)
    for row in rows:
        admins[row.license_id][row.email] = row
    return {
        license_id: [
            MailedAdmin(email, of[email].name, of[email].language, ended.get((license_id, mailbox_of(email))))
            for email in first_spellings(of)
        ]
        for license_id, of in admins.items()
    }


def subscribe_admin(session: Session, license_id: int, email: str, now: datetime) -> int:
    """Send e-mails of a license to an admin who was unsubscribed.

    Returns:
        The number of e-mails about open alerts that are on their way to the admin now.

    Raises:
        NotFound: The license has no such admin.
    """
    lock_license(session, license_id)
    admin = _find_admin(session, license_id, email)
    return subscribe_mailboxes(session, license_id, {mailbox_of(admin.email)}, now) if admin.unsubscribed_at else 0


def unsubscribe_admin(session: Session, license_id: int, email: str, now: datetime) -> None:
    """Send no more e-mails of a license to an admin.

    Raises:
        NotFound: The license has no such admin.
    """
    lock_license(session, license_id)
    unsubscribe(session, recipient_of(session, license_id, _find_admin(session, license_id, email).email), now)


def subscribe_mailboxes(session: Session, license_id: int, mailboxes: Collection[str], now: datetime) -> int:
    """Subscribe mailboxes of admins, and enqueue e-mails to them about open alerts of which no admin got one.

    Args:
        session: A writing session that has locked the license.
        license_id: The id of the license.
        mailboxes: The mailboxes.
        now: The time.

    Returns:
        The number of e-mails.
    """
    mark_changed(session, license_id)  # a refresh that records alerts meanwhile waits, and then finds the admins
    subscribe(session, license_id, mailboxes)
    return mail_open_alerts(session, {license_id: mailboxes}, now)


def find_mailed_admin(session: Session, license_id: int, mailbox: str) -> MailedAdmin | None:
    """Return the admin of a license whose mailbox it is, or None."""
    admins = list_mailed_admins(session, license_id)
    return next((admin for admin in admins if mailbox_of(admin.email) == mailbox), None)


def _find_admin(session: Session, license_id: int, email: str) -> MailedAdmin:
    admins = list_mailed_admins(session, license_id)
    for admin in admins:
        if mailbox_of(admin.email) == mailbox_of(email):
            return admin
    near = did_you_mean(email, [admin.email for admin in admins])
    raise NotFound(f"The license has no admin {shown(email)}.{near} 'allowance mail list' shows its admins.")
