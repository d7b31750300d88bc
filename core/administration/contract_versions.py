"""The contract versions of a license, locked for a change."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from core.licenses.find import lock_license
from core.licenses.tables import Contract


def lock_versions(session: Session, license_id: int) -> Sequence[Contract]:
    """Lock a license, and return its contract versions in their order, withdrawn or not.

    Transactions that change versions come one after the other, so that numbers follow their order.
    """
    lock_license(session, license_id)
    return session.exec(select(Contract).where(Contract.license_id == license_id).order_by(col(Contract.version))).all()
