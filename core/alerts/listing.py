"""The lists of alerts of a table, newest first: of each of several licenses, and across licenses."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.tables import Alert, ForecastAlert
from core.consumption.readings.status import UsageStatus
from core.database.first_of_each import first_of_each, older_than
from core.text import problem_with

LONGEST_NAME: Final = 200


A = TypeVar("A", bound=Alert | ForecastAlert)


class AlertKind(StrEnum):
    """The subject of an alert: a threshold that usage crossed, or a ratio that the forecast reached."""

    THRESHOLD = "THRESHOLD"
    FORECAST = "FORECAST"

    @property
    def table(self) -> type[Alert] | type[ForecastAlert]:
        """The table of the alerts of this kind."""
        return Alert if self is AlertKind.THRESHOLD else ForecastAlert


def list_alerts(
    session: Session,
    table: type[A],
    licenses: Collection[int],
    *,
    most: int,
    after: tuple[datetime, str] | None = None,
    meter: str | None = None,
    is_open: bool | None = None,
) -> dict[int, list[A]]:
    """Return the alerts of each license, newest first, in one statement.

    Args:
        session: The session to read with.
        table: The alerts on thresholds or those on forecasts.
        licenses: The ids of the licenses.
        most: The largest number of alerts of a license.
        after: The time found and the id of the last alert of the page before.
        meter: Only alerts of this meter.
        is_open: True for alerts that have not recovered, False for alerts that have; None for all.
    """
    if meter is not None and problem_with(meter, LONGEST_NAME):
        return {}
    conditions: list[sa.ColumnElement[bool]] = [col(table.license_id).in_(licenses)]
    if meter is not None:
        conditions.append(col(table.meter) == meter)
    if is_open is not None:
        conditions.append(col(table.recovered_at).is_(None) == is_open)
    if after is not None:
        conditions.append(older_than(table.found_at, table.id, after))
    order = (col(table.found_at).desc(), col(table.id))
    alerts: dict[int, list[A]] = defaultdict(list)
    for alert in session.scalars(first_of_each(table, table.license_id, order, most, *conditions)):
        alerts[alert.license_id].append(alert)
    return alerts


def list_all_alerts(
    session: Session,
    table: type[A],
    *,
    most: int,
    licenses: Collection[int] | None = None,
    after: tuple[datetime, str] | None = None,
    is_open: bool | None = None,
    statuses: Collection[UsageStatus] | None = None,
) -> Sequence[A]:
    """Return alerts of all licenses together, newest first.

    Args:
        session: The session to read with.
        table: The alerts on thresholds or those on forecasts.
        most: The largest number of alerts.
        licenses: The ids of the licenses; None for all.
        after: The time found and the id of the last alert of the page before.
        is_open: True for alerts that have not recovered, False for alerts that have; None for all.
        statuses: The statuses of the readings when the alerts were found; None for all.
    """
    statement = sa.select(table)
    if licenses is not None:
        statement = statement.where(col(table.license_id).in_(licenses))
    if is_open is not None:
        recovered_at = col(table.recovered_at)
        statement = statement.where(recovered_at.is_(None) if is_open else recovered_at.is_not(None))
    if statuses is not None:
        statement = statement.where(col(table.status).in_([status.value for status in statuses]))
    if after is not None:
        # The first condition begins at the place in the index.
        statement = statement.where(col(table.found_at) <= after[0], older_than(table.found_at, table.id, after))
    return session.scalars(statement.order_by(col(table.found_at).desc(), col(table.id)).limit(most)).all()


def newest_first(alerts: Iterable[Alert | ForecastAlert], most: int) -> list[Alert | ForecastAlert]:
    """Return the newest of the alerts of both kinds, in the order of lists."""
    newest = sorted(alerts, key=lambda alert: alert.id)
    newest.sort(key=lambda alert: alert.found_at, reverse=True)
    return newest[:most]
