"""The marks of licenses whose past usage or contract changed: their history is measured again."""

from datetime import date

from sqlmodel import Session, col, func

from core.database.dialect import insert_into, is_postgresql
from core.usage.tables import LateUsage


def mark_late(session: Session, since: dict[int, date]) -> None:
    """Mark licenses, so that their next refresh measures their history again.

    Args:
        session: A writing session.
        since: The first day to measure again, by license id.
    """
    if not since:
        return
    statement = insert_into(session, LateUsage).values(
        [{"license_id": license_id, "since": day, "revision": 1} for license_id, day in sorted(since.items())]
    )
    earlier = func.least if is_postgresql(session) else func.min
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["license_id"],
            set_={
                "since": earlier(col(LateUsage.since), statement.excluded.since),
                "revision": col(LateUsage.revision) + 1,
            },
        )
    )
