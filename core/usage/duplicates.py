"""The count of events that were sent again, by series and day. A batch without any costs no statement."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from sqlmodel import Session

from core.database.dialect import insert_into
from core.times import EPOCH
from core.usage.tables import UsageDuplicates

SeriesDay: TypeAlias = tuple[int, int, int]
"""License id, series, and day counted since 1970."""
_FIRST_DAY: Final = EPOCH.date()


def count_duplicates(session: Session, repeated: Mapping[SeriesDay, int]) -> None:
    """Add duplicates to their counts.

    Args:
        session: A session for writing. Rows are written in the order of their keys, after all rows of the rollups.
        repeated: The number of duplicates by series and day of the events that they repeat.
    """
    if not repeated:
        return
    rows = [
        {"license_id": license_id, "series_id": series_id, "day": _FIRST_DAY + timedelta(days=day), "count": count}
        for (license_id, series_id, day), count in sorted(repeated.items())
    ]
    statement = insert_into(session, UsageDuplicates)
    added = {"count": UsageDuplicates.__table__.c["count"] + statement.excluded["count"]}  # type: ignore[attr-defined]
    index = ["license_id", "series_id", "day"]
    session.execute(statement.on_conflict_do_update(index_elements=index, set_=added), rows)
