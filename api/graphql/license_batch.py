"""The licenses of one answer: each kind of data about them is read once for all of them.

The batch knows no type of the schema. It returns rows and records of the core, which the types of the schema wrap.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from sqlmodel import col, select

from api.graphql.access import accessible_key
from api.graphql.context import Context
from core.access.keys import READERS
from core.administration.admin_mail import MailedAdmin, list_all_mailed_admins
from core.alerts.listing import AlertKind, list_alerts, newest_first
from core.alerts.tables import Alert, ForecastAlert
from core.consumption.current import Current, load_all_current
from core.consumption.current_readings import current_readings
from core.consumption.past import measure_past
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.view import ConsumptionView, view_consumption
from core.credits.listing import RequestCursor, list_requests
from core.credits.tables import CreditRequest
from core.licenses.find import no_license
from core.licenses.load import LoadedLicense, load_licenses
from core.licenses.tables import Grant
from core.report.contract_report import ContractReport
from core.report.days import report_days
from core.report.load_report import ReportDays, load_reports


class LicenseBatch:
    """The licenses that are shown together. What is asked of one license is read for all of them."""

    def __init__(
        self, context: Context, licenses: Mapping[int, LoadedLicense], current: Sequence[Current] | None = None
    ) -> None:
        """Make a batch of licenses.

        Args:
            context: The operation that shows them.
            licenses: The licenses by id.
            current: The current readings of each license, if they are already known; None reads them when needed.
        """
        self.context = context
        self.licenses = licenses
        context.shown |= licenses
        self._current = current
        self._alerts: dict[object, Mapping[int, Sequence[Alert | ForecastAlert]]] = {}
        self._requests: dict[object, dict[int, list[CreditRequest]]] = {}
        self._reports: dict[object, dict[int, ContractReport]] = {}

    @property
    def license(self) -> LoadedLicense:
        """The license of a batch of one license."""
        (license,) = self.licenses.values()
        return license

    @cached_property
    def current(self) -> dict[int, tuple[int, dict[str, JudgedReading]]]:
        """Snapshot version and readings by meter, of each license by id. Hard quotas are read at this moment."""
        current = self._current
        if current is None:
            current = load_all_current(self.context.session, self.licenses.values())
        registry, now = self.context.services.registry, self.context.now
        return {one.license.id: (one.version, current_readings(one, registry, now)) for one in current}

    @cached_property
    def grants(self) -> dict[int, list[Grant]]:
        """Grants by license id, newest first."""
        grants: dict[int, list[Grant]] = defaultdict(list)
        for row in self.context.session.exec(
            select(Grant)
            .where(col(Grant.license_id).in_(self.licenses))
            .order_by(col(Grant.granted_at).desc(), col(Grant.id))
        ):
            grants[row.license_id].append(row)
        return grants

    @cached_property
    def admins(self) -> dict[int, list[MailedAdmin]]:
        """Admins by license id, in the order of their addresses."""
        return list_all_mailed_admins(self.context.session, self.licenses.keys())

    def remaining(self, grant: Grant) -> Decimal:
        """Return the credits left of a grant at the last refresh.

        All of the grant is left if the snapshot is older than the grant, and nothing once the grant has expired or was
        voided.
        """
        if grant.voided_at is not None or (grant.expires_at is not None and grant.expires_at <= self.context.now):
            return Decimal(0)
        reading = self.current[grant.license_id][1].get(grant.meter)
        return reading.grants.get(grant.id, grant.amount) if reading else grant.amount

    def alerts(
        self,
        license_id: int,
        most: int,
        after: tuple[datetime, str] | None,
        meter: str | None,
        is_open: bool | None,
        kinds: Collection[AlertKind],
    ) -> list[Alert | ForecastAlert]:
        """Return alerts of one license, newest first; the alerts of the other licenses are read along."""
        found: list[Alert | ForecastAlert] = []
        for kind in set(kinds):
            query = (kind, most, after, meter, is_open)
            if query not in self._alerts:
                self._alerts[query] = list_alerts(
                    self.context.session,
                    kind.table,
                    self.licenses.keys(),
                    most=most,
                    after=after,
                    meter=meter,
                    is_open=is_open,
                )
            found += self._alerts[query].get(license_id, ())
        return newest_first(found, most)

    def requests(self, license_id: int, most: int, after: RequestCursor | None) -> list[CreditRequest]:
        """Return credit requests of one license, open ones first; those of the other licenses are read along."""
        query = (most, after)
        if query not in self._requests:
            self._requests[query] = list_requests(self.context.session, self.licenses.keys(), most=most, after=after)
        return self._requests[query].get(license_id, [])

    def report(
        self,
        license_id: int,
        first: date | datetime | None,
        last: date | datetime | None,
        terms: Mapping[str, Decimal],
    ) -> ContractReport:
        """Return the report on the contracts of one license; those of the other licenses are read along.

        Args:
            license_id: The license.
            first: The first day or an instant on it; None stands for the first day of the billing period of the last
                day.
            last: The last day or an instant on it; None stands for today.
            terms: Terms that replace those of the contracts.
        """
        query = (first, last, tuple(sorted(terms.items())))
        if query not in self._reports:
            asked = [
                ReportDays(license, *report_days(license, _day_of(license, first), _day_of(license, last)))
                for license in self.licenses.values()
            ]
            services = self.context.services
            self._reports[query] = load_reports(
                self.context.session,
                asked,
                services.registry,
                self.context.now,
                services.settings.report_headroom,
                terms,
            )
        return self._reports[query][license_id]

    def consumption(self, license_id: int) -> ConsumptionView:
        """Return the current consumption of one license."""
        context, (version, readings) = self.context, self.current[license_id]
        view = view_consumption(self.licenses[license_id], readings, version, context.services.registry, context.now)
        context.expires_at = min(context.expires_at, view.stale_at)
        return view

    def consumption_on(self, license_id: int, day: date) -> ConsumptionView:
        """Return the consumption of one license at the end of a day in its time zone; the current one from today on."""
        license, context = self.licenses[license_id], self.context
        if day >= license.today:
            return self.consumption(license_id)
        services = context.services
        return measure_past(context.session, license, day, services.registry, services.measurer, context.now)


def batch_of(context: Context, ids: Iterable[int]) -> LicenseBatch:
    """Return a batch of the licenses with these ids."""
    return LicenseBatch(context, load_licenses(context.session, set(ids), context.now))


def find_batch(context: Context, key: str) -> LicenseBatch | None:
    """Return a batch of the license with that key, or None if there is no such license."""
    current = context.current(key)
    return None if current is None else LicenseBatch(context, {current.license.id: current.license}, [current])


def readable_batch(context: Context, key: str | None) -> LicenseBatch:
    """Return a batch of one license that the caller may read.

    Args:
        context: The operation.
        key: The license's key; None stands for the license of the caller's own key.

    Raises:
        core.errors.NotFound: No license has that key. For the other errors see :func:`accessible_key`.
    """
    key = accessible_key(context.caller, key, *READERS)
    batch = find_batch(context, key)
    if batch is None:
        raise no_license(context.session, key)
    return batch


def _day_of(license: LoadedLicense, at: date | datetime | None) -> date | None:
    """Return a day, or the day of an instant in the license's time zone."""
    return license.day_of(at) if isinstance(at, datetime) else at
