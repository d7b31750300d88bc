"""The meters of a refresh whose forecasts alert, or may have alerted. Pure."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from math import isfinite

from allowance import Credits, Enforcement

from core.alerts.forecasts import MeterForecast, WatchedMeter
from core.consumption.readings.status import UsageStatus
from core.consumption.view import Freshness, ReadingView
from core.forecast.credits_gone import spends_all
from core.forecast.documents import MeterOutlook
from core.forecast.reading_forecast import credits_left, forecast_reading, reach_of
from core.licenses.alerting_ratios import forecast_ratios
from core.refresh.judge import NewReading
from core.refresh.plan import RefreshPlan


def forecasting_licenses(plan: RefreshPlan) -> set[int]:
    """Return the licenses with a contract that alerts on forecasts, now or at any other time, by their ids."""
    return {key for key, license in plan.licenses.items() if any(version.forecast_at for version in license.versions)}


def watch_meters(
    readings: Sequence[NewReading], licenses: Collection[int], outlooks: Mapping[int, Mapping[str, MeterOutlook]]
) -> list[WatchedMeter]:
    """Return the meters of new readings, with their forecasts and the ratios that the contracts alert at.

    A meter whose ratios a contract does not state any more is among them, as it may have an alert that is to close.

    Args:
        readings: The judged readings of now.
        licenses: The licenses to watch, by their ids.
        outlooks: The outlooks of these licenses, by license id and meter.
    """
    return [
        _watch(new, outlooks.get(license_id, {}).get(new.measurement.question.meter.key))
        for new in readings
        if (license_id := new.measurement.moment.license.id) in licenses
    ]


def _watch(new: NewReading, stored: MeterOutlook | None) -> WatchedMeter:
    moment, question, reading = new.measurement.moment, new.measurement.question, new.reading
    meter, license = question.meter, moment.license
    period = reading.period or question.contract.period
    has_limit = reading.limit is not None and meter.enforcement is not Enforcement.NONE
    return WatchedMeter(
        license_id=license.id,
        meter=meter.key,
        first=period.first,
        ratios=forecast_ratios(meter, license.version_on(license.today)) if has_limit else (),
        forecast=_forecast(new, stored) if has_limit and stored else None,
    )


def _forecast(new: NewReading, stored: MeterOutlook) -> MeterForecast | None:
    """Return the forecast of a reading with a limit, for the end of its period, if there is one."""
    moment, question, reading = new.measurement.moment, new.measurement.question, new.reading
    meter, license = question.meter, moment.license
    used, limit, basis = reading.used, reading.limit, reading.basis
    if used is None or limit is None or basis is None:
        return None
    period = reading.period or question.contract.period
    found = forecast_reading(ReadingView(license, None, meter, reading, Freshness.FRESH), stored, moment.at).forecast
    if found is None or not all(map(isfinite, (end := found.at(period.ends_at))[1:])):
        return None
    if isinstance(meter, Credits):
        exceeds = spends_all(found.points, credits_left(reading, stored, moment.at), period.ends_at)
    else:
        exceeds = end.expected > reach_of(meter, limit, found.points[0])
    is_whole = all(number == number.to_integral_value() for number in (used, limit))
    return MeterForecast(
        day=license.today,
        end=period.end,
        limit=limit,
        basis=basis,
        contract_version=question.contract.version,
        used=used,
        status=reading.status.value,
        is_exceeded=reading.status is UsageStatus.EXCEEDED,
        exceeds=exceeds,
        expected=_decimal(end.expected, is_whole=is_whole),
        low=_decimal(end.low, is_whole=is_whole),
        high=_decimal(end.high, is_whole=is_whole),
        exceeding=found.exceeding,
    )


def _decimal(number: float, *, is_whole: bool) -> Decimal:
    """Return a forecast number for people: whole among whole numbers, else with six digits."""
    return Decimal(round(number)) if is_whole else Decimal(f"{number:.6g}")
