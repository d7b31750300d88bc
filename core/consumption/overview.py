"""The row by which a license is listed, made from the documents of its snapshot."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from allowance import Enforcement, Meter

from core.consumption.readings.documents import Document, listed_reading
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.times import microseconds

UTILIZATION_UNIT: Final = 1_000_000
"""The stored utilization of a full limit."""
NO_UTILIZATION: Final = -1
"""The stored utilization of a license of which no reading has a limit. It is listed after a utilization of 0."""
_MOST_UTILIZATION: Final = 10**15
_NEVER: Final = 2**62
"""A time that never comes, in microseconds."""


class Overview(NamedTuple):
    """The columns of :class:`core.consumption.tables.LicenseOverview` that follow from readings."""

    severity: int
    utilization: int
    updated_at: int
    stale_at: int
    meters: str


NEW_LICENSE: Final = Overview(SEVERITY[UsageStatus.UNKNOWN], NO_UTILIZATION, 0, _NEVER, "")
"""The overview before the first refresh."""


def overview_of(documents: Mapping[str, Document], meters: Mapping[str, Meter]) -> Overview:
    """Return the overview of a license.

    Args:
        documents: The documents of its snapshot by meter.
        meters: The installed meters by key. Documents of other meters are ignored.
    """
    highest, stale_at = float(NO_UTILIZATION), _NEVER
    severities: dict[str, int] = {}
    updated: dict[str, int] = {}
    for key, document in documents.items():
        meter = meters.get(key)
        if meter is None:
            continue
        reading = listed_reading(document)
        if reading.severity is not None:
            severities[key] = reading.severity
        if reading.utilization is not None and meter.enforcement is not Enforcement.NONE:
            highest = max(highest, reading.utilization * UTILIZATION_UNIT)
        if reading.measured_at:
            updated[meter.section] = max(updated.get(meter.section, 0), microseconds(reading.measured_at))
            if reading.has_problem:
                stale_at = 0
            elif reading.due_at:
                stale_at = min(stale_at, microseconds(reading.due_at + meter.every))
    return Overview(
        max(severities.values(), default=SEVERITY[UsageStatus.OK]),
        int(min(highest, _MOST_UTILIZATION)),
        min(updated.values(), default=0),
        stale_at,
        "".join(f"|{key}={severity}" for key, severity in severities.items()) + "|",
    )


def meter_mark(meter: str) -> str:
    """Return the text before the severity of a meter in the column `meters`."""
    return f"|{meter}="


def severities_of(statuses: Iterable[UsageStatus]) -> list[int]:
    """Return the severities of statuses."""
    return sorted({SEVERITY[status] for status in statuses})
