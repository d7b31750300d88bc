"""The closing readings of periods: the last of each period, which alert under the period's own limit. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, TypeAlias

from core.alerts.crossings import Crossing
from core.alerts.detection import detect_crossings, list_crossings
from core.consumption.crossing_days import DatedReading, date_crossings
from core.consumption.points import Point
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.judging import judge_reading, judge_usage
from core.refresh.local_days import local_days
from core.refresh.match_answers import Measurement

MeterKey: TypeAlias = tuple[int, str]
"""A license id and the key of a meter."""

_DAY: Final = timedelta(days=1)


def group_by_meter(past: Sequence[Measurement]) -> Mapping[MeterKey, Sequence[Measurement]]:
    """Return the measurements of past days by meter, oldest first as they come."""
    groups: dict[MeterKey, list[Measurement]] = {}
    for measurement in past:
        key = measurement.moment.license.id, measurement.question.meter.key
        groups.setdefault(key, []).append(measurement)
    return groups


def judge_closings(
    past: Sequence[Measurement], by_meter: Mapping[MeterKey, Sequence[Measurement]], measured: Collection[MeterKey]
) -> list[Crossing]:
    """Return the crossings of the closing readings among those of past days, earliest first.

    Args:
        past: The measurements of past days, by moment.
        by_meter: The same measurements by meter.
        measured: The meters that have a reading of now as well. The past days of other meters are measured again at
            their next refresh.
    """
    crossings: list[Crossing] = []
    for measurement in _closing(past):
        moment, question, reading, stored, _ = measurement
        meter, contract, key = question.meter, question.contract, (moment.license.id, question.meter.key)
        if key not in measured:
            continue
        judged = judge_reading(meter, contract, reading, stored, moment.at)
        if crossed := detect_crossings(contract, judged, None):
            earlier = [each for each in by_meter[key] if each.moment.at <= moment.at]
            dated = date_past_crossings(measurement, judged._replace(crossed=crossed), earlier)
            crossings += list_crossings(moment.license.id, meter, contract, dated).crossings
    return crossings


def date_past_crossings(measurement: Measurement, reading: JudgedReading, past: Iterable[Measurement]) -> JudgedReading:
    """Return a judged reading with its crossings dated by the past days that the same refresh measured."""
    if not any(threshold.crossed_at for threshold in reading.thresholds):
        return reading
    meter, contract = measurement.question.meter, measurement.question.contract
    return date_crossings(DatedReading(meter, contract, reading), [_point(each) for each in past])


def _point(measurement: Measurement) -> Point:
    question = measurement.question
    usage = judge_usage(question.meter, question.contract, measurement.reading)
    return Point(measurement.moment.at, usage.used, usage.limit, usage.status)


def _closing(past: Sequence[Measurement]) -> Iterable[Measurement]:
    """Yield the measurements of days after which another period begins: of the contract, or of the reading itself."""
    for moment, measurements in groupby(past, key=lambda measurement: measurement.moment):
        of_moment = list(measurements)
        next_day = local_days(moment.license)(moment.at) + _DAY
        period = of_moment[0].question.contract.period
        ends = moment.license.period_on(next_day).first == next_day or period.end == next_day
        for measurement in of_moment:
            of_reading = measurement.reading.period
            if ends or (of_reading is not None and of_reading.end == next_day):
                yield measurement
