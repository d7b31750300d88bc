"""The lists of alerts, newest first: of each of several licenses, and across licenses."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.tables import Alert
from core.consumption.readings.status import UsageStatus
from core.database.first_of_each import first_of_each, older_than
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
    """Return the alerts of each license, newest first, in one statement.

    Args:
        session: The session to read with.
        licenses: The ids of the licenses.
        most: The largest number of alerts of a license.
        after: The time found and the id of the last alert of the page before.
        meter: Only alerts of this meter.
        is_open: True for alerts that have not recovered, False for alerts that have; None for all.
    """
    if meter is not None and problem_with(meter, LONGEST_NAME):
        return {}
    conditions: list[sa.ColumnElement[bool]] = [col(Alert.license_id).in_(licenses)]
    if meter is not None:
        conditions.append(col(Alert.meter) == meter)
    if is_open is not None:
        conditions.append(col(Alert.recovered_at).is_(None) == is_open)
    if after is not None:
        conditions.append(older_than(Alert.found_at, Alert.id, after))
    order = (col(Alert.found_at).desc(), col(Alert.id))
    alerts: dict[int, list[Alert]] = defaultdict(list)
    for alert in session.scalars(first_of_each(Alert, Alert.license_id, order, most, *conditions)):
        alerts[alert.license_id].append(alert)
    return alerts


def list_all_alerts(
    session: Session,
    *,
    most: int,
    license_id: int | None = None,
    after: tuple[datetime, str] | None = None,
    is_open: bool | None = None,
    statuses: Collection[UsageStatus] | None = None,
) -> Sequence[Alert]:
    """Return alerts of all licenses together, newest first.

    Args:
        session: The session to read with.
        most: The largest number of alerts.
        license_id: The only license; None for all.
        after: The time found and the id of the last alert of the page before.
        is_open: True for alerts that have not recovered, False for alerts that have; None for all.
        statuses: The statuses of the readings when the thresholds were crossed; None for all.
    """
    statement = sa.select(Alert)
    if license_id is not None:
        statement = statement.where(col(Alert.license_id) == license_id)
    if is_open is not None:
        recovered_at = col(Alert.recovered_at)
        statement = statement.where(recovered_at.is_(None) if is_open else recovered_at.is_not(None))
    if statuses is not None:
        statement = statement.where(col(Alert.status).in_([status.value for status in statuses]))
    if after is not None:
        # The first condition begins at the place in the index.
        statement = statement.where(col(Alert.found_at) <= after[0], older_than(Alert.found_at, Alert.id, after))
    return session.scalars(statement.order_by(col(Alert.found_at).desc(), col(Alert.id)).limit(most)).all()
