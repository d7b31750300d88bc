"""Consumption at the end of a past day, measured again from the rollups."""

from collections.abc import Mapping
from datetime import date, datetime

from allowance import Contract, Reading
from sqlmodel import Session

from core.consumption.crossing_days import DatedReading, date_crossings, load_points
from core.consumption.readings.judged_reading import NEVER_MEASURED, JudgedReading, Problem
from core.consumption.readings.judging import judge_reading
from core.consumption.view import ConsumptionView, view_consumption
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import load_usage
from core.measuring.measure import Measurer, MeterQuestion
from core.measuring.usage_range import UsageRange
from core.plugins.registry import Registry
from core.right_of_way import give_way


def measure_past(
    session: Session, license: LoadedLicense, day: date, registry: Registry, measurer: Measurer, now: datetime
) -> ConsumptionView:
    """Return the consumption at the end of `day`, judged by the contract of that day, late usage included.

    Thresholds are crossed since the day on which usage crossed them, as far as history knows. If no contract was in
    force, the figures are shown, but they were not held against any terms, and count as never measured.
    """
    usage = load_usage(session, [UsageRange(license, day)], registry, now)[license.id].usage.as_of(day)
    contract = license.contract_on(day)
    questions = [MeterQuestion(meter, license.license, contract, usage) for meter in registry.meters.values()]
    readings: dict[str, JudgedReading] = {}
    end = license.end_of(day)
    for question, answer in zip(questions, measurer.measure(questions), strict=True):
        give_way()
        if isinstance(answer, Reading):
            reading = judge_reading(question.meter, contract, answer, None, end)
            if license.version_on(day) is None:
                reading = reading._replace(measured_at=None)
        else:
            problem = Problem(answer.code, answer.message, now)
            reading = NEVER_MEASURED._replace(problem=problem)
        readings[question.meter.key] = reading
    dated = _date_crossings(session, license, contract, readings, registry, end)
    return view_consumption(license, dated, 0, registry, now, day)


def _date_crossings(
    session: Session,
    license: LoadedLicense,
    contract: Contract,
    readings: Mapping[str, JudgedReading],
    registry: Registry,
    end: datetime,
) -> Mapping[str, JudgedReading]:
    """Return the readings with the times of their crossings from history, which is read only if there are any."""
    crossed = {
        key: reading
        for key, reading in readings.items()
        if any(threshold.crossed_at for threshold in reading.thresholds)
    }
    if not crossed:
        return readings
    after = min((reading.period or contract.period).starts_at for reading in crossed.values())
    points = load_points(session, license.id, after, end)
    dated = {
        key: date_crossings(DatedReading(registry.meters[key], contract, reading), points.get(key, ()))
        for key, reading in crossed.items()
    }
    return {**readings, **dated}
