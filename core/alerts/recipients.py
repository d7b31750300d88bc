"""The recipients of a license's messages: admins and operators by e-mail, webhook endpoints, and notifiers."""

from collections.abc import Collection
from itertools import groupby
from operator import itemgetter
from typing import Final

from allowance import Notifier
from sqlmodel import Session, col, select

from core.addresses.mail_address import first_spellings
from core.delivery.channels import EMAIL, NOTIFIER, WEBHOOK
from core.delivery.message_kinds import (
    CREDITS_DECLINED,
    CREDITS_EXPIRING,
    CREDITS_REQUESTED,
    CROSSED,
    FORECAST_CROSSED,
    KINDS,
)
from core.delivery.outbox.enqueue import Recipient
from core.delivery.webhooks.tables import WebhookEndpoint
from core.licenses.tables import LicenseAdmin

MAILED: Final = frozenset({CROSSED, FORECAST_CROSSED, CREDITS_EXPIRING, CREDITS_DECLINED})
"""The kinds of messages that the admins of a license get by e-mail."""


def load_recipients(
    session: Session,
    licenses: Collection[int],
    notifiers: Collection[Notifier] = (),
    operators: Collection[str] = (),
) -> list[Recipient]:
    """Load the recipients of licenses' messages, in two statements. Each states the kinds that it receives.

    A mailbox that several admins spell differently is one recipient.

    Args:
        session: A session.
        licenses: The ids of the licenses.
        notifiers: The installed notifiers, which receive the messages of every license.
        operators: E-mail addresses of the operators, who receive requests for credits.
    """
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
        *(
            Recipient(license_id, EMAIL, email, frozenset({CREDITS_REQUESTED}))
            for license_id in licenses
            for email in operators
        ),
        *(
            Recipient(license_id, EMAIL, email, MAILED)
            for license_id, listed in groupby(admins, key=itemgetter(0))
            for email in first_spellings(email for _, email in listed)
        ),
        *(
            Recipient(license_id, WEBHOOK, endpoint, frozenset(KINDS if kinds is None else kinds))
            for license_id, endpoint, kinds in endpoints
        ),
        *(
            Recipient(license_id, NOTIFIER, notifier.key, frozenset(notifier.kinds))
            for license_id in licenses
            for notifier in notifiers
        ),
    ]
