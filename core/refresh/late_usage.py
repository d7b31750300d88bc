"""The marks of late usage: events that came in for a day after its end, so that history has to be measured again."""

from collections.abc import Collection

from sqlalchemy import delete, select, tuple_
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from core.usage.tables import LateUsage


def load_late_usage(session: Session, licenses: Collection[int]) -> dict[int, LateUsage]:
    """Load the marks of licenses whose past changed since their last refresh, by license id."""
    rows = session.exec(select_rows(LateUsage).where(col(LateUsage.license_id).in_(licenses)))
    return {row.license_id: row for row in rows}


def forget_late_usage(session: Session, marks: Collection[LateUsage]) -> None:
    """Delete marks whose usage is measured; a mark whose revision has changed since stays."""
    if not marks:
        return
    revisions = [(mark.license_id, mark.revision) for mark in marks]
    # Locked in the order in which ingestion locks marks, so that the two never deadlock.
    licenses = col(LateUsage.license_id)
    ours = licenses.in_([license_id for license_id, _ in revisions])
    session.execute(select(licenses).where(ours).order_by(licenses).with_for_update())
    session.execute(delete(LateUsage).where(tuple_(licenses, col(LateUsage.revision)).in_(revisions)))
