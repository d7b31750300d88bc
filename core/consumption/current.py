"""The data behind the current consumption of a license, loaded in one round trip to the database.

Contracts and quota windows come as JSON arrays beside the license. The fields of the two row types name the columns of
the statement and the order in which the arrays are read.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import allowance
import orjson
from sqlmodel import Session

from core.admission.window_usage import WindowUsage, load_windows
from core.consumption.readings.documents import Document
from core.consumption.snapshots import load_snapshots
from core.database.engine import Database
from core.licenses.contact import Contact
from core.licenses.load import LoadedLicense
from core.licenses.state import Suspension
from core.licenses.tables import LICENSE_KEY, ContractVersion
from core.times import instant


class _ContractRow(NamedTuple):
    """The columns of a contract version as the statement returns them: dates and documents as text."""

    version: int
    effective_from: str
    ends_on: str | None
    starts_on: str
    billing_period: str
    anchor: str
    terms: str
    at_risk: str
    alert_at: str
    forecast_at: str
    warnings: bool
    quotas: str
    expiry_notice_days: str

    def to_contract(self, license_id: int) -> ContractVersion:
        """Return the contract version; nothing is validated, as the database holds only what was."""
        return ContractVersion.model_construct(
            license_id=license_id,
            version=self.version,
            effective_from=date.fromisoformat(self.effective_from),
            ends_on=None if self.ends_on is None else date.fromisoformat(self.ends_on),
            starts_on=date.fromisoformat(self.starts_on),
            billing_period=self.billing_period,
            anchor=self.anchor,
            terms=orjson.loads(self.terms),
            at_risk=orjson.loads(self.at_risk),
            alert_at=orjson.loads(self.alert_at),
            forecast_at=orjson.loads(self.forecast_at),
            warnings=bool(self.warnings),
            quotas=orjson.loads(self.quotas),
            expiry_notice_days=orjson.loads(self.expiry_notice_days),
        )


class _WindowRow(NamedTuple):
    """The columns of a quota window as the statement returns them: times in microseconds."""

    meter: str
    starts_at: int
    ends_at: int
    time_zone: str
    used: int
    refused: int

    def to_window(self) -> WindowUsage:
        starts_at, ends_at = instant(self.starts_at), instant(self.ends_at)
        return WindowUsage(self.meter, starts_at, ends_at, self.time_zone, self.used, self.refused)


_CURRENT: Final = """
SELECT license.id, license.name, license.time_zone, license.suspended_at, license.suspended_because,
  license.contact_name, license.contact_email, license.contact_url,
  snapshot.version, snapshot.readings,
  (SELECT CAST({all}({row}({contract})) AS TEXT)
   FROM contract WHERE license_id = license.id AND withdrawn_at IS NULL),
  (SELECT CAST({all}({row}({window})) AS TEXT)
   FROM admission_window WHERE license_id = license.id)
FROM license JOIN snapshot ON snapshot.license_id = license.id WHERE license.key = {key}
"""
_VERSIONS: Final = """
SELECT license_id, version + coalesce(
  (SELECT CAST(sum(used + refused) AS BIGINT) FROM admission_window WHERE license_id = snapshot.license_id), 0
) FROM snapshot WHERE license_id {among}
"""
_VERSIONS_POSTGRESQL: Final = _VERSIONS.format(among="= ANY(CAST(%(ids)s AS bigint[]))")
_VERSIONS_SQLITE: Final = _VERSIONS.format(among="IN (SELECT value FROM json_each(:ids))")
_COLUMNS: Final = {"contract": ", ".join(_ContractRow._fields), "window": ", ".join(_WindowRow._fields)}
_POSTGRESQL: Final = _CURRENT.format(all="json_agg", row="json_build_array", key="%(key)s", **_COLUMNS)
_SQLITE: Final = _CURRENT.format(all="json_group_array", row="json_array", key=":key", **_COLUMNS)
TURNING: Final = timedelta(minutes=15)
"""Every midnight of every time zone falls on a multiple of this, and with it each start of a day, period and window."""


@dataclass(frozen=True, slots=True)
class Current:
    """A license with the snapshot of its last refresh, and the places taken and refusals in its quota windows.

    `version` is the version that readers see: it grows with the snapshot, each place taken and each refusal.
    """

    license: LoadedLicense
    version: int
    readings: Mapping[str, Document]
    windows: tuple[WindowUsage, ...]


def load_current(database: Database, key: str, now: datetime) -> Current | None:
    """Load the license of a key with its current data, or None if no license has the key, whatever the text holds."""
    if not LICENSE_KEY.fullmatch(key):  # PostgreSQL refuses to compare with some texts
        return None
    rows = database.query(_SQLITE if database.is_sqlite else _POSTGRESQL, {"key": key})
    if not rows:
        return None
    license_id, name, time_zone, suspended_at, reason, *contact = rows[0][:8]
    version, readings, contracts, windows = rows[0][8:]
    versions = (_ContractRow(*row).to_contract(license_id) for row in _parse_rows(contracts))
    license = LoadedLicense(
        license_id,
        allowance.License(key, name, time_zone),
        tuple(sorted(versions, key=lambda version: version.version)),
        now.astimezone(ZoneInfo(time_zone)).date(),
        suspension=None if suspended_at is None else Suspension(instant(suspended_at), reason),
        contact=Contact.of(*contact),
    )
    usage = tuple(_WindowRow(*row).to_window() for row in _parse_rows(windows))
    return Current(license, version + sum(window.changes for window in usage), orjson.loads(readings), usage)


def load_all_current(session: Session, licenses: Collection[LoadedLicense]) -> list[Current]:
    """Load the current data of licenses that are loaded already, in two statements for any number of licenses."""
    ids = [license.id for license in licenses]
    snapshots, windows = load_snapshots(session, ids), load_windows(session, ids)
    current = []
    for license in licenses:
        snapshot, usage = snapshots[license.id], tuple(windows[license.id])
        version = snapshot.version + sum(window.changes for window in usage)
        current.append(Current(license, version, snapshot.readings, usage))
    return current


def load_versions(database: Database, licenses: Collection[int]) -> dict[int, int]:
    """Load the versions of licenses by id, each of which grows with every change that a reader could see."""
    if not licenses:
        return {}
    ids = list(licenses)
    if database.is_sqlite:
        rows = database.query(_VERSIONS_SQLITE, {"ids": orjson.dumps(ids).decode()})
    else:
        rows = database.query(_VERSIONS_POSTGRESQL, {"ids": ids})
    return {row[0]: row[1] for row in rows}


def _parse_rows(document: str | None) -> list[Any]:
    rows: list[Any] = orjson.loads(document) if document else []
    return rows
