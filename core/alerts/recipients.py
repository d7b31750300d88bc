"""The recipients of a license's messages: admins and operators by e-mail, webhook endpoints, and notifiers."""

from collections.abc import Collection, Iterable
from typing import Final

from allowance import Notifier
from sqlmodel import Session, col, select

from core.delivery.channels import EMAIL, NOTIFIER, WEBHOOK
from core.delivery.message_kinds import CREDITS_EXPIRING, CREDITS_REQUESTED, CROSSED, KINDS
from core.delivery.outbox.enqueue import Recipient
from core.delivery.webhooks.tables import WebhookEndpoint
from core.licenses.tables import LicenseAdmin

MAILED: Final = frozenset({CROSSED, CREDITS_EXPIRING})
"""The kinds of messages that the admins of a license get by e-mail."""


def license_recipients(session: Session, licenses: Collection[int]) -> list[Recipient]:
    """Load the admins and webhook endpoints of licenses, in two statements."""
    admins = session.execute(
        select(LicenseAdmin.license_id, LicenseAdmin.email)
        .where(col(LicenseAdmin.license_id).in_(licenses))
        .order_by(col(LicenseAdmin.license_id), col(LicenseAdmin.email))
    )
    endpoints = session.execute(
        select(WebhookEndpoint.license_id, WebhookEndpoint.id, WebhookEndpoint.kinds)
        .where(col(WebhookEndpoint.license_id).in_(licenses), col(WebhookEndpoint.enabled))
        .order_by(col(WebhookEndpoint.license_id), col(WebhookEndpoint.id))
    )
    return [
        *(Recipient(license_id, EMAIL, email, MAILED) for license_id, email in admins),
        *(
            Recipient(license_id, WEBHOOK, endpoint, frozenset(KINDS if kinds is None else kinds))
            for license_id, endpoint, kinds in endpoints
        ),
    ]


def operator_recipients(license_id: int, operators: Collection[str]) -> list[Recipient]:
    """Return the operators as recipients of a license's requests for credits."""
    return [Recipient(license_id, EMAIL, email, frozenset({CREDITS_REQUESTED})) for email in operators]


def notifier_recipients(licenses: Iterable[int], notifiers: Collection[Notifier]) -> list[Recipient]:
    """Return the installed notifiers as recipients, each of every license."""
    return [
        Recipient(license_id, NOTIFIER, notifier.key, frozenset(notifier.kinds))
        for license_id in licenses
        for notifier in notifiers
    ]
