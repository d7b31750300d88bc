"""The credits of the refreshed licenses that expire soon. Pure."""

from collections import defaultdict
from collections.abc import Sequence

from core.consumption.readings.judged_reading import JudgedReading
from core.credits.expiring import Expiring, find_expiring
from core.refresh.judge import NewReading
from core.refresh.plan import RefreshPlan


def find_expiring_credits(plan: RefreshPlan, readings: Sequence[NewReading]) -> list[Expiring]:
    """Return the grants that expire soon, as far as their meters have new readings, which tell what is left of them."""
    by_license: dict[int, dict[str, JudgedReading]] = defaultdict(dict)
    for measured, reading, _ in readings:
        if reading.grants:
            by_license[measured.moment.license.id][measured.question.meter.key] = reading
    return [
        expiring
        for license_id, by_meter in by_license.items()
        for license, grants in [(plan.licenses[license_id], plan.usage[license_id].grants)]
        for expiring in find_expiring(license, grants, by_meter, plan.times[license_id])
    ]
