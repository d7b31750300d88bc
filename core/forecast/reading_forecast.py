"""The forecast of a reading as people see it: the stored outlook of its meter, applied to the reading. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from allowance import Credits, Level, Meter

from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.state import ReadingState
from core.consumption.view import ReadingView
from core.forecast.credits_gone import CreditsLeft, credits_gone
from core.forecast.documents import MeterOutlook
from core.forecast.forecast import Exceeding, Forecast, ForecastPoint, ForecastReason, exceeding, path_of
from core.forecast.meter_outlook import end_of, period_of
from core.forecast.outlook import Outlook

_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class ReadingForecast:
    """The forecast of a reading, or the reason why there is none; one of the two is None.

    Attributes:
        forecast: The forecast.
        reason: The reason.
        computed_at: The time at which its outlook was made; the time of the question without an outlook.
        outlook: The outlook; None if there is none.
        valid_until: The instant from which the forecast is over.
    """

    forecast: Forecast | None
    reason: ForecastReason | None
    computed_at: datetime
    outlook: Outlook | None = None
    valid_until: datetime | None = None


def forecast_reading(view: ReadingView, stored: MeterOutlook | None, now: datetime) -> ReadingForecast:
    """Return the forecast of a current reading.

    Args:
        view: The reading, of now.
        stored: The stored outlook of its meter, or None if there is none.
        now: The time of the question.
    """
    reading, computed_at = view.reading, stored.computed_at if stored else now
    used, at = reading.used, reading.measured_at

    def reason(why: ForecastReason) -> ReadingForecast:
        return ReadingForecast(None, why, computed_at)

    if reading.problem is not None:
        return reason(ForecastReason.METER_FAILED)
    if used is None or at is None or reading.state is ReadingState.NOT_IN_CONTRACT:
        return reason(ForecastReason.NOTHING_TO_FORECAST)
    if stored is None or stored.outlook is None:
        is_over = period_of(view.license, reading.period).ends_at <= now
        return reason(ForecastReason.PERIOD_OVER if is_over else ForecastReason.TOO_LITTLE_HISTORY)
    of_credits = isinstance(view.meter, Credits)
    ends_at = end_of(view.license, stored.outlook) if of_credits else period_of(view.license, reading.period).ends_at
    if ends_at <= max(at, now):
        return reason(ForecastReason.PERIOD_OVER)
    path = path_of(stored.outlook, float(used), at, ends_at, view.license.license.time_zone)
    if of_credits:
        exceeds = credits_gone(path, credits_left(reading, stored, at))
    else:
        exceeds = (
            Exceeding() if reading.limit is None else exceeding(path, reach_of(view.meter, reading.limit, path[0]))
        )
    return ReadingForecast(Forecast(tuple(path), exceeds), None, computed_at, stored.outlook, ends_at)


def reach_of(meter: Meter, limit: Decimal, now: ForecastPoint) -> float:
    """Return the usage up to which a limit is not exceeded: of whole things, a half more is none more.

    Without it, a level that stands at its limit would be exceeded at once by the smallest fraction.
    """
    reach = float(limit)
    return reach + _HALF if isinstance(meter, Level) and reach.is_integer() and now.expected <= reach else reach


def credits_left(reading: JudgedReading, stored: MeterOutlook, at: datetime) -> list[CreditsLeft]:
    """Return what is left of each grant that has not expired at an instant, also of those that begin later."""
    return [
        CreditsLeft(float(reading.grants.get(grant.id, grant.amount)), grant.expires_at, grant.begins_at)
        for grant in stored.grants
        if grant.expires_at is None or grant.expires_at > at
    ]
