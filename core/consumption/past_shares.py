"""The shares of a reading at the ends of past days, measured again from the rollups."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from allowance import Meter, Reading
from sqlmodel import Session

from core.consumption.readings.judged_reading import ReadingShare
from core.consumption.readings.judging import judge_reading
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import load_usage
from core.measuring.measure import Measurer, MeterQuestion
from core.measuring.usage_range import UsageRange
from core.plugins.registry import Registry


def measure_shares(
    session: Session,
    license: LoadedLicense,
    meter: Meter,
    days: Collection[date],
    dimension: str,
    registry: Registry,
    measurer: Measurer,
    now: datetime,
) -> Mapping[date, tuple[ReadingShare, ...]]:
    """Return the shares of a meter's usage by one dimension at the ends of days, late usage included.

    The usage of all days is loaded together. A day on which the meter fails has no shares.
    """
    if not days:
        return {}
    asked = sorted(days)
    usage = load_usage(session, [UsageRange(license, asked[0])], registry, now)[license.id].usage
    questions = [MeterQuestion(meter, license.license, license.contract_on(day), usage.as_of(day)) for day in asked]
    answers = zip(questions, asked, measurer.measure(questions), strict=True)
    return {
        day: judge_reading(meter, question.contract, answer, None, license.end_of(day)).shares_by(dimension)
        for question, day, answer in answers
        if isinstance(answer, Reading)
    }
