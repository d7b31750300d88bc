"""The loading of licenses with their contracts as meters see them, in two statements for any number of licenses."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import allowance
from allowance.license import midnight
from sqlmodel import Session, col, select

from core.licenses.billing import CALENDAR_YEAR, billing_period
from core.licenses.contact import Contact
from core.licenses.in_force import newest_version, version_in_force
from core.licenses.state import LicenseState, Suspension
from core.licenses.tables import Contract, ContractVersion, License, id_of

# Remembered, since licenses share most of their terms, and each is read for several days.
_decimal = lru_cache(maxsize=4096)(Decimal)


@dataclass(frozen=True, slots=True)
class LoadedLicense:
    """A license with all its contract versions but those withdrawn. `today` is the current day in its time zone.

    `zone_changed_at` is the time at which the time zone changed last, or None if it never did.
    `revision` tells whether anything that decides check-ins changed since; see :class:`core.licenses.tables.License`.
    """

    id: int
    license: allowance.License
    versions: tuple[ContractVersion, ...]
    today: date
    zone_changed_at: datetime | None = None
    suspension: Suspension | None = None
    revision: int = 0
    contact: Contact | None = None

    @property
    def state(self) -> LicenseState:
        """The state of the license today."""
        if self.suspension:
            return LicenseState.SUSPENDED
        return LicenseState.NO_CONTRACT if self.version_on(self.today) is None else LicenseState.ACTIVE

    def version_on(self, day: date) -> ContractVersion | None:
        """Return the version in force on a day, or None if no contract is in force."""
        return version_in_force(self.versions, day)

    def contract_on(self, day: date) -> allowance.Contract:
        """Return the contract in force as a meter sees it: without any, version 0, no terms and calendar years."""
        version, period = self.version_on(day), self.period_on(day)
        if version is None:
            return allowance.Contract(0, period)
        return allowance.Contract(
            version=version.version,
            period=period,
            terms={key: _decimal(value) for key, value in version.terms.items()},
            at_risk={key: _decimal(ratio) for key, ratio in version.at_risk.items()},
            alert_at={key: tuple(map(_decimal, ratios)) for key, ratios in version.alert_at.items()},
        )

    def period_on(self, day: date) -> allowance.Period:
        """Return the billing period that holds the day, by the contract in force on that day.

        The last period of a contract ends with the contract. Without a contract in force, the period is the calendar
        year, as far as no contract is in force.
        """
        time_zone, newest = self.license.time_zone, newest_version(self.versions, day)
        end = newest.end if newest else None
        if newest and (end is None or day < end):
            period = billing_period(day, newest.starts_on, newest.billing_period, newest.anchor, time_zone)
            return period if end is None or period.end <= end else replace(period, end=end)
        year = billing_period(day, day, "P1Y", CALENDAR_YEAR, time_zone)
        begins = [version.effective_from for version in self.versions if version.effective_from > day]
        return replace(year, first=max(year.first, end or year.first), end=min([year.end, *begins]))

    def without_contract_since(self, day: date) -> datetime | None:
        """Return since when no contract is in force on a day; None if a contract is.

        It is the end of the last contract. Before a first contract it is the start of the calendar year.
        """
        if self.version_on(day):
            return None
        last = newest_version(self.versions, day)
        first = last.end if last and last.end else self.period_on(day).first
        return self.start_of(first)

    def period_firsts(self, since: date) -> list[date]:
        """Return the first days of all billing periods that hold a day from `since` to today, in order."""
        firsts, day = set(), since
        while True:
            period = self.period_on(day)
            firsts.add(period.first)
            turns = [version.effective_from for version in self.versions if version.effective_from > day]
            day = min([period.end, *turns])
            if day > self.today:
                return sorted(firsts)

    def next_turn(self) -> datetime:
        """Return the time at which the contract or the billing period in force today ends, or a contract begins."""
        turns = [self.period_on(self.today).end]
        turns += [version.effective_from for version in self.versions if version.effective_from > self.today]
        return self.start_of(min(turns))

    def at(self, instant: datetime) -> "LoadedLicense":
        """Return the license with the day of an instant as its today."""
        today = self.day_of(instant)
        return self if today == self.today else replace(self, today=today)

    def start_of(self, day: date) -> datetime:
        """Return the first instant of a day in the license's time zone."""
        return midnight(day, self.license.time_zone)

    def day_of(self, instant: datetime) -> date:
        """Return the day of an instant in the license's time zone; the nearest one that the calendar has."""
        try:
            return instant.astimezone(ZoneInfo(self.license.time_zone)).date()
        except OverflowError:  # within hours of the years 0 and 10000
            return instant.date()

    def end_of(self, day: date) -> datetime:
        """Return the last instant of a day in the license's time zone."""
        return self.start_of(day + timedelta(days=1)) - timedelta(microseconds=1)


def load_licenses(session: Session, ids: Collection[int], now: datetime) -> dict[int, LoadedLicense]:
    """Load licenses by id."""
    versions: dict[int, list[ContractVersion]] = defaultdict(list)
    for version in session.exec(
        select(Contract)
        .where(col(Contract.license_id).in_(ids), col(Contract.withdrawn_at).is_(None))
        .order_by(col(Contract.version))
    ):
        versions[version.license_id].append(version)
    return {
        id_of(row): LoadedLicense(
            id_of(row),
            allowance.License(row.key, row.name, row.time_zone),
            tuple(versions[id_of(row)]),
            now.astimezone(ZoneInfo(row.time_zone)).date(),
            row.zone_changed_at,
            Suspension.of(row.suspended_at, row.suspended_because),
            row.revision,
            Contact.of(row.contact_name, row.contact_email, row.contact_url),
        )
        for row in session.exec(select(License).where(col(License.id).in_(ids)))
    }
