"""Where a license's messages go: its users with the admin role, by e-mail, and its webhook endpoints."""

from collections.abc import Collection
from typing import Final

from sqlmodel import Session, col, select

from core.alerts.kinds import CROSSED, KINDS
from core.alerts.outbox import Address
from core.licenses.tables import LicenseAdmin
from core.webhooks.tables import WebhookEndpoint

EMAIL: Final = "email"
WEBHOOK: Final = "webhook"
MAILED: Final = frozenset({CROSSED})
"""What people are told by e-mail."""


def addresses_of(session: Session, licenses: Collection[int]) -> list[Address]:
    """All addresses of licenses, in two statements."""
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
        *(Address(license_id, EMAIL, email, MAILED) for license_id, email in admins),
        *(
            Address(license_id, WEBHOOK, endpoint, frozenset(KINDS if kinds is None else kinds))
            for license_id, endpoint, kinds in endpoints
        ),
    ]
