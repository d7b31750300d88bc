"""Consumption at the end of a past day, measured again from the rollups."""

from datetime import date, datetime

from allowance import Reading
from sqlmodel import Session

from core.consumption.readings.judged_reading import JudgedReading, Problem
from core.consumption.readings.judging import judge_reading
from core.consumption.readings.status import UsageStatus
from core.consumption.view import ConsumptionView, view_consumption
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import load_usage
from core.measuring.measure import Measurer, MeterQuestion
from core.measuring.usage_range import UsageRange
from core.plugins.registry import Registry


def measure_past(
    session: Session, license: LoadedLicense, day: date, registry: Registry, measurer: Measurer, now: datetime
) -> ConsumptionView:
    """Return the consumption at the end of `day`, judged by the contract of that day, late usage included."""
    usage = load_usage(session, [UsageRange(license, day)], registry, now)[license.id].usage.as_of(day)
    contract = license.contract_on(day)
    questions = [MeterQuestion(meter, license.license, contract, usage) for meter in registry.meters.values()]
    readings: dict[str, JudgedReading] = {}
    end = license.end_of(day)
    for question, answer in zip(questions, measurer.measure(questions), strict=True):
        if isinstance(answer, Reading):
            reading = judge_reading(question.meter, contract, answer, None, end)
        else:
            problem = Problem(answer.code, answer.message, now)
            reading = JudgedReading(UsageStatus.UNKNOWN, problem=problem)
        readings[question.meter.key] = reading
    return view_consumption(license, readings, 0, registry, now, day)
