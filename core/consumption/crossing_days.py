"""The days on which usage crossed thresholds, as far as history knows them. Loading apart, pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import sqlalchemy as sa
from allowance import Contract, Meter
from sqlmodel import Session

from core.consumption.points import Point, points_by_meter
from core.consumption.readings.crossing_rule import CrossingRule
from core.consumption.readings.judged_reading import JudgedReading, Threshold
from core.consumption.tables import ReadingHistory

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class DatedReading(NamedTuple):
    """A judged reading with its meter and contract, of which the crossings are to be dated."""

    meter: Meter
    contract: Contract
    reading: JudgedReading


def date_crossings(dated: DatedReading, points: Sequence[Point]) -> JudgedReading:
    """Return the reading with the times since which its thresholds are crossed without a break.

    A crossing that history shows dates to the first point of the break-free range: the end of its day if the usage came
    late. A time that the reading has from the stored reading before it stands if history does not show an earlier one.

    Args:
        dated: The reading. Its thresholds have the time of the measurement, or of the stored reading.
        points: The points of the meter before the measurement, oldest first.
    """
    meter, contract, reading = dated
    if not points or reading.limit is None or not any(threshold.crossed_at for threshold in reading.thresholds):
        return reading
    # The contract's billing period holds for a reading without a period, as it does for alerts.
    start = (reading.period or contract.period).starts_at
    in_period = [point for point in points if point.at >= start]
    rule = CrossingRule.of(meter, contract)
    thresholds = tuple(
        threshold._replace(crossed_at=_crossed_since(threshold, threshold.crossed_at, in_period, reading, rule))
        if threshold.crossed_at
        else threshold
        for threshold in reading.thresholds
    )
    return reading._replace(thresholds=thresholds)


def _crossed_since(
    threshold: Threshold, known: datetime, points: Sequence[Point], reading: JudgedReading, rule: CrossingRule
) -> datetime:
    """Return the time since which the threshold is crossed; `known` is the time that the reading states."""
    since, before = None, _NEVER
    for point in points:
        is_over = (
            point.limit == reading.limit
            and point.used is not None
            and rule.is_crossed(threshold.ratio, threshold.value, point.used, point.status)
        )
        if not is_over:
            since = None
        elif since is None:
            since = known if before < known <= point.at else point.at
        before = point.at
    return since or (known if known > before else reading.measured_at or known)


def load_points(session: Session, license_id: int, after: datetime, until: datetime) -> Mapping[str, Sequence[Point]]:
    """Load the history of a license from the first midnight on, by meter, in one statement.

    Args:
        session: The session to read with.
        license_id: The license.
        after: The first instant of a day of the license, so that the first entry of each meter is whole.
        until: The last instant.
    """
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    rows = session.execute(
        sa.select(table.c.at, table.c.readings)
        .where(table.c.license_id == license_id, table.c.at >= after, table.c.at <= until)
        .order_by(table.c.at)
    )
    return points_by_meter((at, entries) for at, entries in rows)
