"""Alerts of meters that are not installed any more."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.crossings import MeterCrossings, record_crossings
from core.alerts.forecasts import WatchedMeter, record_forecasts
from core.alerts.tables import Alert, ForecastAlert
from core.consumption.snapshots import StoredSnapshot, load_snapshots, lock_snapshots
from core.plugins.registry import Registry


def gone_meters(snapshots: Mapping[int, StoredSnapshot], registry: Registry) -> list[MeterCrossings]:
    """Return the meters that are gone, without crossings, so that their alerts close: nothing measures them any more.

    A meter is gone if a snapshot before the refresh has a reading of the meter, and the refresh leaves that out. If a
    plugin failed to load, nobody knows which meters it has: no meter counts as gone.

    Args:
        snapshots: The snapshots before the refresh, by license id.
        registry: The installed meters.
    """
    if _is_incomplete(registry):
        return []
    return [
        MeterCrossings(license_id, meter, ())
        for license_id, snapshot in snapshots.items()
        for meter in sorted(snapshot.readings.keys() - registry.meters.keys())
    ]


def close_alerts_of_gone_meters(session: Session, registry: Registry, now: datetime) -> None:
    """Close open alerts of meters that neither are installed nor have a reading: no refresh comes across them.

    Alerts of a meter with a reading are left to the next refresh, as another worker may have the plugin of the meter.
    """
    if _is_incomplete(registry):
        return
    pairs = session.execute(sa.union(*(_open_of_unknown(table, registry) for table in (Alert, ForecastAlert)))).all()
    if not pairs:
        return
    stored = lock_snapshots(session, load_snapshots(session, {license_id for license_id, _ in pairs}))
    gone = [(key, meter) for key, meter in pairs if meter not in stored[key].readings]
    notifiers = registry.notifiers.values()
    record_crossings(session, [MeterCrossings(key, meter, ()) for key, meter in gone], now, notifiers)
    record_forecasts(session, [WatchedMeter(key, meter) for key, meter in gone], now, notifiers)


def _open_of_unknown(table: type[Alert] | type[ForecastAlert], registry: Registry) -> sa.Select[int, str]:
    """Return the query of the licenses and meters with open alerts whose meters are not installed."""
    is_unknown = sa.and_(col(table.recovered_at).is_(None), col(table.meter).not_in(list(registry.meters)))
    return sa.select(col(table.license_id), col(table.meter)).where(is_unknown)


def _is_incomplete(registry: Registry) -> bool:
    return any(plugin.problem for plugin in registry.plugins)
