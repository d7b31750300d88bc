"""The forecasts of the refreshed meters whose contracts alert on them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite

from allowance import Credits, Enforcement

from core.alerts.forecasts import MeterForecast
from core.consumption.readings.status import UsageStatus
from core.consumption.view import Freshness, ReadingView
from core.forecast.documents import MeterOutlook
from core.forecast.reading_forecast import forecast_reading, reach_of
from core.licenses.alerting_ratios import forecast_ratios
from core.refresh.judge import NewReading
from core.refresh.plan import RefreshPlan


def forecasting_licenses(plan: RefreshPlan) -> list[int]:
    """Return the licenses with a contract that alerts on forecasts, now or at any other time, by their ids."""
    return [key for key, license in plan.licenses.items() if any(version.forecast_at for version in license.versions)]


def forecast_meters(
    readings: Sequence[NewReading], outlooks: Mapping[int, Mapping[str, MeterOutlook]]
) -> list[MeterForecast]:
    """Return the forecasts of new readings that have a limit.

    A meter whose ratios a contract does not state any more is among them, as it may have an alert that is to recover.

    Args:
        readings: The judged readings of now.
        outlooks: The outlooks of the licenses whose contracts alert on forecasts, by license id and meter.
    """
    return [
        forecast
        for new in readings
        if (of_license := outlooks.get(new.measurement.moment.license.id))
        if (stored := of_license.get(new.measurement.question.meter.key))
        for forecast in _forecast(new, stored)
    ]


def _forecast(new: NewReading, stored: MeterOutlook) -> Iterator[MeterForecast]:
    """Yield the forecast of a reading, if there is one. Credits have notices of their own."""
    moment, question, reading = new.measurement.moment, new.measurement.question, new.reading
    meter, license = question.meter, moment.license
    used, limit, basis = reading.used, reading.limit, reading.basis
    if isinstance(meter, Credits) or meter.enforcement is Enforcement.NONE:
        return
    if used is None or limit is None or basis is None:
        return
    found = forecast_reading(ReadingView(license, None, meter, reading, Freshness.FRESH), stored, moment.at).forecast
    if found is None or not all(map(isfinite, found.end[1:])):
        return
    period, end = reading.period or question.contract.period, found.end
    is_whole = all(number == number.to_integral_value() for number in (used, limit))
    yield MeterForecast(
        license_id=license.id,
        meter=meter.key,
        day=license.today,
        first=period.first,
        end=period.end,
        ratios=forecast_ratios(meter, license.version_on(license.today)),
        limit=limit,
        basis=basis,
        contract_version=question.contract.version,
        used=used,
        is_exceeded=reading.status is UsageStatus.EXCEEDED,
        exceeds=end.expected > reach_of(meter, limit, found.points[0]),
        expected=_decimal(end.expected, is_whole=is_whole),
        low=_decimal(end.low, is_whole=is_whole),
        high=_decimal(end.high, is_whole=is_whole),
        exceeding=found.exceeding,
    )


def _decimal(number: float, *, is_whole: bool) -> Decimal:
    """Return a forecast number for people: whole among whole numbers, else with six digits."""
    return Decimal(round(number)) if is_whole else Decimal(f"{number:.6g}")
