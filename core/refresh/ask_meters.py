"""The questions to the meters of a license: about the end of each past day that is due, and about now."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from allowance import Meter, Usage

from core.licenses.load import LoadedLicense
from core.measuring.load_usage import LoadedUsage
from core.measuring.measure import MeterQuestion
from core.refresh.choose_meters import ChosenMeter
from core.refresh.plan import Moment


def ask_meters(
    license: LoadedLicense, usage: LoadedUsage, chosen: Sequence[ChosenMeter], now: datetime
) -> Iterable[Moment]:
    """Yield the questions to the chosen meters by moment, past days first."""
    since = min(meter.since for meter in chosen)
    for number in range((license.today - since).days):
        day = since + timedelta(days=number)
        meters = [meter for meter, first in chosen if first <= day]
        yield Moment(license, license.end_of(day), True, _questions(license, day, usage.usage.as_of(day), meters))
    everything = [meter for meter, _ in chosen]
    yield Moment(license, now, False, _questions(license, license.today, usage.usage, everything))


def _questions(license: LoadedLicense, day: date, usage: Usage, meters: Collection[Meter]) -> list[MeterQuestion]:
    contract = license.contract_on(day)
    return [MeterQuestion(meter, license.license, contract, usage) for meter in meters]
