"""Where a license's messages go: its users with the admin role, and the operators, by e-mail."""

from collections.abc import Collection
from typing import Final

from sqlmodel import Session, col, select

from core.alerts.kinds import CREDITS_EXPIRING, CREDITS_REQUESTED, CROSSED
from core.alerts.outbox import Address
from core.licenses.tables import LicenseAdmin

EMAIL: Final = "email"
MAILED: Final = frozenset({CROSSED, CREDITS_EXPIRING})
"""What the admins of a license are told by e-mail."""


def addresses_of(session: Session, licenses: Collection[int]) -> list[Address]:
    """All addresses of licenses, in one statement."""
    admins = session.execute(
        select(LicenseAdmin.license_id, LicenseAdmin.email)
        .where(col(LicenseAdmin.license_id).in_(licenses))
        .order_by(col(LicenseAdmin.license_id), col(LicenseAdmin.email))
    )
    return [Address(license_id, EMAIL, email, MAILED) for license_id, email in admins]


def operator_addresses(license_id: int, operators: Collection[str]) -> list[Address]:
    """The operators' own, for what a license asks of them."""
    return [Address(license_id, EMAIL, email, frozenset({CREDITS_REQUESTED})) for email in operators]
