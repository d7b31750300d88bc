"""Licenses with contracts, as many as wanted, in a few statements."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert

from core.consumption.overview import NEW_LICENSE
from core.consumption.tables import LicenseOverview, Snapshot
from core.database.engine import Database
from core.licenses.billing import CONTRACT_DATE
from core.licenses.tables import Contract, Grant, License
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun
from core.times import microseconds

YEAR: Final = timedelta(days=365)
TIME_ZONES: Final = ("Europe/Brussels", "America/New_York", "Asia/Kolkata", "UTC")
TERMS: Final = {
    "profiles": "100000",
    "interactions_per_profile": "12",
    "profile_tables": "10",
    "custom_tables": "50",
    "subscriptions": "60",
    "goal_interactions_per_profile": "5",
    "website_goals": "20",
    "transactional_goals": "20",
    "forms": "40",
    "scenarios": "30",
    "segmentation_rules": "200",
    "daily_exports": "15",
    "newsletters": "12",
    "users": "50",
    "api_users": "10",
    "sending_domains": "6",
    "entities": "5",
    "retention_months": "24",
}


def license_key(number: int) -> str:
    """The key of a license, counted from 0."""
    return f"bench-{number:06}"


def make_licenses(database: Database, count: int) -> None:
    """So many licenses in several time zones, each with a contract and a billing period that began a year ago.

    Each has its standing refresh, which is not due.
    """
    now = datetime.now(UTC)
    began = now.date() - YEAR + timedelta(days=1)
    numbers = range(1, count + 1)
    rows: dict[type[Any], list[dict[str, Any]]] = {
        License: [
            {
                "id": number,
                "key": license_key(number - 1),
                "name": f"License {number}",
                "time_zone": TIME_ZONES[number % len(TIME_ZONES)],
                "created_at": now,
            }
            for number in numbers
        ],
        Contract: [
            {
                "license_id": number,
                "version": 1,
                "effective_from": began,
                "starts_on": began,
                "billing_period": "P1Y",
                "anchor": CONTRACT_DATE,
                "terms": TERMS,
                "at_risk": {},
                "warnings": False,
                "quotas": {},
                "created_at": now,
            }
            for number in numbers
        ],
        Grant: [
            {"license_id": number, "id": "a", "meter": "sms_credits", "amount": 1_000_000, "granted_at": now - YEAR}
            for number in numbers
        ],
        Snapshot: [
            {
                "license_id": number,
                "license_key": license_key(number - 1),
                "version": 0,
                "readings": {},
            }
            for number in numbers
        ],
        LicenseOverview: [
            {
                "license_id": number,
                "license_key": license_key(number - 1),
                "changed_at": microseconds(now),
                **NEW_LICENSE._asdict(),
            }
            for number in numbers
        ],
        RefreshRun: [
            {
                "license_id": number,
                "id": SCHEDULE,
                "status": "QUEUED",
                "due_at": now + YEAR,
                "only_due": False,
                "attempts": 0,
                "requested_at": now,
            }
            for number in numbers
        ],
    }
    with database.write() as session:
        for table, given in rows.items():
            session.execute(insert(table), given)
