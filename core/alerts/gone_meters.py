"""Alerts of meters that are not installed any more."""

from collections.abc import Mapping

from core.alerts.crossings import MeterCrossings
from core.consumption.snapshots import StoredSnapshot
from core.plugins.registry import Registry


def gone_meters(snapshots: Mapping[int, StoredSnapshot], registry: Registry) -> list[MeterCrossings]:
    """Return the meters that are gone, without crossings, so that their alerts close: nothing measures them any more.

    A meter is gone if a snapshot before the refresh has a reading of the meter, and the refresh leaves that out. If a
    plugin failed to load, nobody knows which meters it has: no meter counts as gone.

    Args:
        snapshots: The snapshots before the refresh, by license id.
        registry: The installed meters.
    """
    if any(plugin.problem for plugin in registry.plugins):
        return []
    return [
        MeterCrossings(license_id, meter, ())
        for license_id, snapshot in snapshots.items()
        for meter in sorted(snapshot.readings.keys() - registry.meters.keys())
    ]
