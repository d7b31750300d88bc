"""Checkpoints of usage: the usage of a license up to a past day, kept beside the rollups and read at once.

A checkpoint is a cache that a refresh makes from the rollups and the next refreshes start from. Usage that comes in for
one of its days is late, and leaves a mark; as long as there is a mark, only the rollups are read.
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
"""A checkpoint is renewed once it is at least this old."""


@dataclass(frozen=True, slots=True)
class UsageCheckpoint:
    """The usage of a license up to and including the day `through`.

    `held` names the event types with totals since a first day, with all single days, and with the newest levels.
    `series` are ``[event, entity, dimensions, days, amounts]``: the amounts as text, and the proleptic ordinal
    number of the day of each amount; for a total, of the first day of the range that the total covers.
    """

    through: date
    held: Mapping[str, Any]
    series: Sequence[Sequence[Any]]


def load_checkpoints(session: Session, licenses: Collection[int]) -> dict[int, UsageCheckpoint]:
    """Load the checkpoints without late usage, by license id."""
    stored, late = StoredCheckpoint, LateUsage
    rows = session.execute(
        sa.select(col(stored.license_id), col(stored.through), col(stored.usage))
        .outerjoin(
            late, sa.and_(col(late.license_id) == col(stored.license_id), col(late.since) <= col(stored.through))
        )
        .where(col(stored.license_id).in_(licenses), col(late.license_id).is_(None))
    )
    return {license_id: UsageCheckpoint(through, usage["held"], usage["series"]) for license_id, through, usage in rows}


def save_checkpoints(session: Session, checkpoints: Mapping[int, UsageCheckpoint]) -> None:
    """Replace the checkpoints of licenses by id."""
    if not checkpoints:
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
                "through": checkpoint.through,
                "usage": {"held": checkpoint.held, "series": checkpoint.series},
            }
            for license_id, checkpoint in sorted(checkpoints.items())
        ],
    )
