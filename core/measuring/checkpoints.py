"""Settled usage: what a license had used up to a day long enough over, kept beside the rollups to be read at once.

It is a cache that a refresh makes from the rollups and the next ones start from. Usage that comes in for one of its
days is late, and leaves a mark; as long as there is one, the rollups alone are read.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.dialect import insert_into
from core.usage.tables import LateUsage, StoredCheckpoint

TOTAL: Final = "total"
DAYS: Final = "days"
LEVEL: Final = "level"
RENEWED: Final = timedelta(days=7)
"""How many days are added up from the rollups before they are settled as well."""


@dataclass(frozen=True, slots=True)
class UsageCheckpoint:
    """The usage of a license up to and including the day `through`.

    `held` names the event types of which there are totals from a first day on, all single days, or the newest levels.
    `series` are ``[event, entity, dimensions, days, amounts]``: the day of each amount, of a total the first one, as
    its number, and the amounts as text.
    """

    through: date
    held: Mapping[str, Any]
    series: Sequence[Sequence[Any]]


def load_checkpoints(session: Session, licenses: Collection[int]) -> dict[int, UsageCheckpoint]:
    """What is settled and stands, by license."""
    kept, late = StoredCheckpoint, LateUsage
    rows = session.execute(
        sa.select(col(kept.license_id), col(kept.through), col(kept.usage))
        .outerjoin(late, sa.and_(col(late.license_id) == col(kept.license_id), col(late.since) <= col(kept.through)))
        .where(col(kept.license_id).in_(licenses), col(late.license_id).is_(None))
    )
    return {license_id: UsageCheckpoint(through, usage["held"], usage["series"]) for license_id, through, usage in rows}


def save_checkpoints(session: Session, settled: Mapping[int, UsageCheckpoint]) -> None:
    """Keep it in the place of what was kept before, by license."""
    if not settled:
        return
    statement = insert_into(session, StoredCheckpoint)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["license_id"],
            set_={"through": statement.excluded.through, "usage": statement.excluded.usage},
        ),
        [
            {
                "license_id": license_id,
                "through": one.through,
                "usage": {"held": one.held, "series": one.series},
            }
            for license_id, one in sorted(settled.items())
        ],
    )
