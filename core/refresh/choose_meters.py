"""The choice of what to measure: the meters of a license, and the days since when each is to be measured."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from allowance import Meter

from core.consumption.readings.documents import Document, due_at, measured_at
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry
from core.refresh.local_days import local_days
from core.refresh.scope import RefreshScope
from core.usage.tables import LateUsage

HISTORY: Final = timedelta(days=1100)
"""History is measured again for this long at the most when late usage comes in."""
SLACK: Final = timedelta(minutes=1)
"""Meters that are due this soon are refreshed along with those that are due."""
SETTLING: Final = timedelta(minutes=15)
"""Events of a day may be committed for this long after its end without being late, as they were accepted before."""


class ChosenMeter(NamedTuple):
    """A meter, and the first day at whose end it is to be measured; today if no past day is."""

    meter: Meter
    since: date


def choose_meters(
    license: LoadedLicense,
    scope: RefreshScope,
    stored: Mapping[str, Document],
    late: LateUsage | None,
    registry: Registry,
    now: datetime,
) -> list[ChosenMeter]:
    """Choose the meters of a license to measure.

    Args:
        license: The license.
        scope: The meters that are wanted. Late usage widens it to all meters, since it changes the past of any meter
            and its mark may go only once all are measured.
        stored: The documents of the last readings, by meter.
        late: The mark of late usage, or None if there is none.
        registry: The installed meters.
        now: The time of the refresh.
    """
    day_of = local_days(license, SETTLING)
    meters = _meters_in_scope(RefreshScope() if late else scope, registry, stored, now)
    first, last = license.today - HISTORY, min(late.since, license.today) if late else license.today
    return [
        ChosenMeter(meter, max(first, min(last, day_of(measured_at(stored.get(meter.key)) or now)))) for meter in meters
    ]


def _meters_in_scope(
    scope: RefreshScope, registry: Registry, stored: Mapping[str, Document], now: datetime
) -> list[Meter]:
    meters = registry.meters.values()
    if scope.sections is not None:
        return [meter for meter in meters if meter.section in scope.sections]
    if scope.only_due:
        return [meter for meter in meters if _is_due(stored.get(meter.key), now)]
    return list(meters)


def _is_due(stored: Document | None, now: datetime) -> bool:
    due = due_at(stored)
    return due is None or due <= now + SLACK
