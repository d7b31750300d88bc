"""Consumption as it stood at the end of a past day, measured again from the rollups."""

from datetime import date, datetime

from allowance import Reading
from sqlmodel import Session

from core.consumption.readings.documents import UNMEASURED, Problem, StoredReading, from_document, judge_reading
from core.consumption.view import ConsumptionView, view_consumption
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import Wanted, load_usage
from core.measuring.measure import Measurer, MeterQuestion
from core.plugins.registry import Registry


def measure_past(
    session: Session, license: LoadedLicense, day: date, registry: Registry, measurer: Measurer, now: datetime
) -> ConsumptionView:
    """The consumption at the end of `day`, judged by the contract of that day, late usage included."""
    usage = load_usage(session, [Wanted(license, day)], registry, now)[license.id].usage.as_of(day)
    contract = license.contract_on(day)
    questions = [MeterQuestion(meter, license.license, contract, usage) for meter in registry.meters.values()]
    readings: dict[str, StoredReading] = {}
    at = license.end_of(day).isoformat()
    for question, answer in zip(questions, measurer.measure(questions), strict=True):
        if isinstance(answer, Reading):
            reading = from_document(judge_reading(question.meter, contract, answer, None, at))
        else:
            problem = Problem(answer.code, answer.message, now)
            reading = StoredReading(UNMEASURED.status, problem=problem)
        readings[question.meter.key] = reading
    return view_consumption(license, readings, 0, registry, now, day)
