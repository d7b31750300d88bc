"""The alerts of licenses, newest first."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.tables import Alert
from core.text import problem_with

LONGEST_NAME: Final = 200


def list_alerts(
    session: Session,
    licenses: Collection[int],
    *,
    most: int,
    after: tuple[datetime, str] | None = None,
    meter: str | None = None,
    is_open: bool | None = None,
) -> dict[int, list[Alert]]:
    """Of each license `most` at the most, in one statement; `after` is the time and id of the last one seen.

    `is_open` leaves those that have recovered out, or where it is False those that have not.
    """
    if meter is not None and problem_with(meter, LONGEST_NAME):
        return {}
    order = (col(Alert.crossed_at).desc(), col(Alert.id))
    place = sa.func.row_number().over(partition_by=col(Alert.license_id), order_by=order)
    ranked = sa.select(col(Alert.license_id), col(Alert.id), place.label("rank")).where(
        col(Alert.license_id).in_(licenses)
    )
    if meter is not None:
        ranked = ranked.where(col(Alert.meter) == meter)
    if is_open is not None:
        ranked = ranked.where(col(Alert.recovered_at).is_(None) == is_open)
    if after is not None:
        at, alert_id = after
        ranked = ranked.where(
            sa.or_(col(Alert.crossed_at) < at, sa.and_(col(Alert.crossed_at) == at, col(Alert.id) > alert_id))
        )
    rank = ranked.subquery()
    statement = (
        sa.select(Alert)
        .join(rank, sa.and_(col(Alert.license_id) == rank.c.license_id, col(Alert.id) == rank.c.id))
        .where(rank.c.rank <= most)
        .order_by(*order)
    )
    found: dict[int, list[Alert]] = defaultdict(list)
    for alert in session.scalars(statement):
        found[alert.license_id].append(alert)
    return found
