"""All that the current consumption of one license is shown from, in one round trip to the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import allowance
import orjson
from sqlmodel import Session

from core.admission.window_usage import WindowUsage, load_windows
from core.consumption.readings.documents import Document
from core.consumption.snapshots import load_snapshots
from core.database.engine import Database
from core.licenses.load import LoadedLicense
from core.licenses.tables import LICENSE_KEY, ContractVersion
from core.times import instant

_CURRENT: Final = """
SELECT license.id, license.name, license.time_zone, snapshot.version, snapshot.readings,
  (SELECT CAST({all}({row}(
     version, effective_from, starts_on, billing_period, anchor, terms, at_risk, alert_at, warnings, quotas,
     expiry_notice_days
   )) AS TEXT) FROM contract WHERE license_id = license.id),
  (SELECT CAST({all}({row}(meter, starts_at, ends_at, time_zone, used)) AS TEXT)
   FROM admission_window WHERE license_id = license.id)
FROM license JOIN snapshot ON snapshot.license_id = license.id WHERE license.key = {key}
"""
_VERSIONS: Final = """
SELECT license_id, version + coalesce(
  (SELECT CAST(sum(used) AS BIGINT) FROM admission_window WHERE license_id = snapshot.license_id), 0
) FROM snapshot WHERE license_id {among}
"""
_VERSIONS_POSTGRESQL: Final = _VERSIONS.format(among="= ANY(CAST(%(ids)s AS bigint[]))")
_VERSIONS_SQLITE: Final = _VERSIONS.format(among="IN (SELECT value FROM json_each(:ids))")
_POSTGRESQL: Final = _CURRENT.format(all="json_agg", row="json_build_array", key="%(key)s")
_SQLITE: Final = _CURRENT.format(all="json_group_array", row="json_array", key=":key")
TURNING: Final = timedelta(minutes=15)
"""Every midnight of every time zone falls on such a part of an hour, and with it every day, period and window."""


@dataclass(frozen=True, slots=True)
class Current:
    """A license with its snapshot as it was last refreshed, and the places taken in its quota windows.

    `version` is what readers are told: it grows with either.
    """

    license: LoadedLicense
    version: int
    readings: Mapping[str, Document]
    windows: tuple[WindowUsage, ...]


def load_current(database: Database, key: str, now: datetime) -> Current | None:
    """The license of that key; None where there is none, whatever the text holds."""
    if not LICENSE_KEY.fullmatch(key):  # PostgreSQL refuses to compare with some texts
        return None
    rows = database.query(_SQLITE if database.is_sqlite else _POSTGRESQL, {"key": key})
    if not rows:
        return None
    license_id, name, time_zone, version, readings, contracts, windows = rows[0]
    license = LoadedLicense(
        license_id,
        allowance.License(key, name, time_zone),
        tuple(sorted((_contract(license_id, row) for row in _rows(contracts)), key=lambda one: one.version)),
        now.astimezone(ZoneInfo(time_zone)).date(),
    )
    taken = tuple(WindowUsage(row[0], instant(row[1]), instant(row[2]), row[3], row[4]) for row in _rows(windows))
    return Current(license, version + sum(one.used for one in taken), orjson.loads(readings), taken)


def load_all_current(session: Session, licenses: Collection[LoadedLicense]) -> list[Current]:
    """The same for licenses that were loaded, in two statements however many they are."""
    ids = [license.id for license in licenses]
    known, windows = load_snapshots(session, ids), load_windows(session, ids)
    found = []
    for license in licenses:
        taken = tuple(windows[license.id])
        version = known[license.id].version + sum(one.used for one in taken)
        found.append(Current(license, version, known[license.id].readings, taken))
    return found


def load_versions(database: Database, licenses: Collection[int]) -> dict[int, int]:
    """The versions of what is read of licenses, by id; the number grows with every change that a reader could see."""
    if not licenses:
        return {}
    ids = list(licenses)
    if database.is_sqlite:
        rows = database.query(_VERSIONS_SQLITE, {"ids": orjson.dumps(ids).decode()})
    else:
        rows = database.query(_VERSIONS_POSTGRESQL, {"ids": ids})
    return {row[0]: row[1] for row in rows}


def _rows(document: str | None) -> list[Any]:
    rows: list[Any] = orjson.loads(document) if document else []
    return rows


def _contract(license_id: int, row: list[Any]) -> ContractVersion:
    version, effective_from, starts_on, billing_period, anchor, terms, at_risk, alert_at, warnings, quotas, days = row
    return ContractVersion.model_construct(
        license_id=license_id,
        version=version,
        effective_from=date.fromisoformat(effective_from),
        starts_on=date.fromisoformat(starts_on),
        billing_period=billing_period,
        anchor=anchor,
        terms=orjson.loads(terms),
        at_risk=orjson.loads(at_risk),
        alert_at=orjson.loads(alert_at),
        warnings=bool(warnings),
        quotas=orjson.loads(quotas),
        expiry_notice_days=orjson.loads(days),
    )
