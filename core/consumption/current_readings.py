"""The readings of a license at this moment: those of the last refresh, and hard quotas as they are now."""

from datetime import datetime

from core.consumption.current import Current
from core.consumption.readings.documents import decode_reading
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.live import live_readings
from core.plugins.registry import Registry


def current_readings(current: Current, registry: Registry, now: datetime) -> dict[str, JudgedReading]:
    """Return the current readings of a license by meter.

    Args:
        current: The license with its snapshot and quota windows.
        registry: The installed meters.
        now: The time at which hard quotas are measured.
    """
    stored = {key: decode_reading(document) for key, document in current.readings.items()}
    return stored | live_readings(current.license, current.windows, current.readings, registry, now)
