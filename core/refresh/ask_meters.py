"""The questions to the meters of a license: about the end of each past day that is due, and about now."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from allowance import Meter

from core.licenses.load import LoadedLicense
from core.measuring.load_usage import LoadedUsage
from core.measuring.measure import MeterQuestion
from core.refresh.choose_meters import ChosenMeter
from core.refresh.plan import Moment, PlannedQuestion


def ask_meters(
    license: LoadedLicense, usage: LoadedUsage, chosen: Sequence[ChosenMeter], now: datetime
) -> Iterable[PlannedQuestion]:
    """Yield the questions to the chosen meters, past days first."""
    since = min(meter.since for meter in chosen)
    for number in range((license.today - since).days):
        day = since + timedelta(days=number)
        meters = [meter for meter, first in chosen if first <= day]
        yield from _questions(Moment(license, license.end_of(day), past=True), day, usage, meters)
    yield from _questions(Moment(license, now, past=False), license.today, usage, [meter for meter, _ in chosen])


def _questions(moment: Moment, day: date, usage: LoadedUsage, meters: Collection[Meter]) -> Iterable[PlannedQuestion]:
    license = moment.license
    contract, visible = license.contract_on(day), usage.usage.as_of(day) if moment.past else usage.usage
    for meter in meters:
        yield PlannedQuestion(moment, MeterQuestion(meter, license.license, contract, visible))
