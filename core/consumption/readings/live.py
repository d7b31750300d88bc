"""Readings of hard quotas as they are at this moment."""

from collections.abc import Collection, Mapping
from datetime import datetime

from allowance import Admission, AdmittedCell, Usage

from core.admission.quota import quota_at
from core.admission.window import Window
from core.admission.window_usage import WindowUsage
from core.consumption.readings.documents import Document, StoredReading, from_document, judge_reading
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry


def live_readings(
    license: LoadedLicense,
    windows: Collection[WindowUsage],
    before: Mapping[str, Document],
    registry: Registry,
    now: datetime,
) -> dict[str, StoredReading]:
    """What the SDK's own meters of admission read now. `before` are the documents of the last refresh's readings."""
    contract = license.contract_on(license.today)
    readings = {}
    for meter in registry.meters.values():
        if type(meter) is not Admission:
            continue
        mine = {one.starts_at: one for one in windows if one.meter == meter.key}
        newest = mine[max(mine)] if mine else None
        latest = Window(newest.starts_at, newest.ends_at, newest.time_zone) if newest else None
        window = quota_at(license, meter, now, latest).window
        used = mine[window.start].used if window.start in mine else 0
        usage = Usage(
            now, license.license.time_zone, admitted=[AdmittedCell(meter.key, window.period, license.today, used)]
        )
        known = before.get(meter.key)
        reading = meter.measure(usage, license.license, contract)
        due_at = known.get("due_at") if known else None
        readings[meter.key] = from_document(judge_reading(meter, contract, reading, known, now.isoformat(), due_at))
    return readings
