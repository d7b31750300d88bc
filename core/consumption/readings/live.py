"""Readings of hard quotas at this moment."""

from collections.abc import Collection, Mapping
from datetime import datetime

from allowance import Admission, AdmittedCell, Usage

from core.admission.quota import quota_at
from core.admission.window import Window
from core.admission.window_usage import WindowUsage
from core.consumption.readings.documents import Document, due_at
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.judging import judge_reading
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry


def live_readings(
    license: LoadedLicense,
    windows: Collection[WindowUsage],
    previous: Mapping[str, Document],
    registry: Registry,
    now: datetime,
) -> dict[str, JudgedReading]:
    """Measure the SDK's own meters of admission, without a refresh.

    Args:
        license: The license.
        windows: The quota windows of the license with the places taken and the refusals in each.
        previous: The stored readings of the last refresh, by meter.
        registry: The installed meters.
        now: The time of the measurement.

    Returns:
        The readings by meter, each due when the stored reading is.
    """
    contract = license.contract_on(license.today)
    readings = {}
    for meter in registry.meters.values():
        if type(meter) is not Admission:
            continue
        of_meter = {window.starts_at: window for window in windows if window.meter == meter.key}
        newest = of_meter[max(of_meter)] if of_meter else None
        latest = Window(newest.starts_at, newest.ends_at, newest.time_zone) if newest else None
        current = quota_at(license, meter, now, latest).window
        counters = of_meter.get(current.start)
        used, refused = (counters.used, counters.refused) if counters else (0, 0)
        cell = AdmittedCell(meter.key, current.period, license.today, used, refused)
        usage = Usage(now, license.license.time_zone, admitted=[cell])
        stored = previous.get(meter.key)
        reading = meter.measure(usage, license.license, contract)
        readings[meter.key] = judge_reading(meter, contract, reading, stored, now, due_at(stored))
    return readings
