"""The revision of a license, by which a process notices that what it remembers of a license is out of date."""

from sqlalchemy import update
from sqlmodel import Session, col

from core.licenses.tables import License


def raise_revision(session: Session, license_id: int) -> None:
    """Raise the revision for a change that decides check-ins: of the contract, or of a suspension."""
    license = update(License).where(col(License.id) == license_id)
    session.execute(license.values(revision=col(License.revision) + 1))
