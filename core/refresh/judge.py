"""The judging of the readings of now, and of the thresholds that they cross. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from core.alerts.crossings import Crossing, MeterCrossings
from core.alerts.detection import detect_crossings, list_crossings
from core.consumption.readings.documents import decode_crossed
from core.consumption.readings.judged_reading import CrossedRatios, JudgedReading
from core.consumption.readings.judging import judge_reading
from core.refresh.closings import MeterKey, date_past_crossings
from core.refresh.match_answers import Measurement


class NewReading(NamedTuple):
    """The judged reading of a meter now, and the ratios that the stored reading before it had crossed."""

    measurement: Measurement
    reading: JudgedReading
    crossed_before: CrossedRatios | None


def judge_readings(
    measurements: Sequence[Measurement], past: Mapping[MeterKey, Sequence[Measurement]], turns: Mapping[int, datetime]
) -> list[NewReading]:
    """Judge readings against their limits, and detect the thresholds that they cross.

    Args:
        measurements: The readings of now.
        past: The readings of past days by meter, which date the crossings.
        turns: The next turn of each license, at which a reading is due at the latest.
    """
    readings = []
    for measurement in measurements:
        moment, question, measured, stored, _ = measurement
        meter, contract = question.meter, question.contract
        due = min(moment.at + meter.every, turns[moment.license.id])
        reading = judge_reading(meter, contract, measured, stored, moment.at, due)
        if days := past.get((moment.license.id, meter.key)):
            reading = date_past_crossings(measurement, reading, days)
        before = decode_crossed(stored)
        if crossed := detect_crossings(contract, reading, before):
            reading = reading._replace(crossed=crossed)
        readings.append(NewReading(measurement, reading, before))
    return readings


def changed_crossings(readings: Sequence[NewReading], closings: Sequence[Crossing]) -> list[MeterCrossings]:
    """Return the crossings of those readings that have crossed other ratios than the stored reading before.

    The crossings of meters whose closing readings have crossed a ratio are returned as well, changed or not.
    """
    closed = {(crossing.license_id, crossing.meter) for crossing in closings}
    return [
        list_crossings(measured.moment.license.id, measured.question.meter, measured.question.contract, reading)
        for measured, reading, before in readings
        if reading.crossed != before or (measured.moment.license.id, measured.question.meter.key) in closed
    ]
