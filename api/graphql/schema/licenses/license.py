"""Licenses with their contract and grants. What a page of licenses needs is read for the whole page at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Annotated

import strawberry
from sqlmodel import col, select

from api.graphql.context import Context
from api.graphql.schema.alerts.alert import Alert, AlertConnection, AlertEdge
from api.graphql.schema.common.cursors import PageInfo, cursor_time, decode_cursor, encode, page_info, refuse_cursor
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info, Node
from api.graphql.schema.common.scalars import Duration, page_size
from api.graphql.schema.consumption.consumption import Consumption
from api.graphql.schema.credits.credits import (
    CreditRequest,
    CreditRequestConnection,
    CreditRequestEdge,
    GrantConnection,
    GrantEdge,
    grant_of,
)
from core.access.keys import READERS
from core.alerts.listing import list_alerts
from core.alerts.tables import Alert as AlertRow
from core.consumption.current import Current, load_all_current
from core.consumption.list_licenses import LicenseCursor, LicenseOrder, list_licenses
from core.consumption.readings.documents import StoredReading, from_document
from core.consumption.readings.live import live_readings
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.consumption.view import ConsumptionView, view_consumption
from core.credits.listing import RequestCursor, list_requests
from core.credits.tables import CreditRequest as CreditRequestRow
from core.licenses import quota_terms as core_terms
from core.licenses.load import LoadedLicense, load_licenses
from core.licenses.quota_terms import Identifiers, OnOutage, quota_terms
from core.licenses.tables import ContractVersion
from core.licenses.tables import Grant as GrantRow

describe_enum(
    LicenseOrder,
    "The order of licenses.",
    WORST_FIRST="By status, the worst first, then by key.",
    KEY="By key.",
)
describe_enum(
    OnOutage,
    "What installations are told while the database is away.",
    REFUSE="That it is away.",
    LET_THROUGH="The same; but one that had a place in the last window passes, and is told so.",
)
describe_enum(
    Identifiers,
    "What is kept of an installation's identifier.",
    name="IdentifierStorage",
    PLAIN="The identifier, beside its keyed digest.",
    HASHED="A keyed digest alone.",
)


class LicenseBatch:
    """The licenses that are shown together: each kind of thing about them is read once for all of them."""

    def __init__(
        self, context: Context, licenses: Mapping[int, LoadedLicense], found: Sequence[Current] | None = None
    ) -> None:
        self.context = context
        self.licenses = licenses
        context.together |= licenses
        self._found = found
        self._alerts: dict[object, dict[int, list[AlertRow]]] = {}
        self._requests: dict[object, dict[int, list[CreditRequestRow]]] = {}

    @cached_property
    def current(self) -> dict[int, tuple[int, dict[str, StoredReading]]]:
        """Version and readings by license id. Meters of admission are measured at this moment."""
        found = self._found
        if found is None:
            found = load_all_current(self.context.session, self.licenses.values())
        registry, now = self.context.runtime.registry, self.context.now
        return {
            one.license.id: (
                one.version,
                {key: from_document(part) for key, part in one.readings.items()}
                | live_readings(one.license, one.windows, one.readings, registry, now),
            )
            for one in found
        }

    @cached_property
    def grants(self) -> dict[int, list[GrantRow]]:
        """Grants by license id, newest first."""
        found: dict[int, list[GrantRow]] = defaultdict(list)
        for row in self.context.session.exec(
            select(GrantRow)
            .where(col(GrantRow.license_id).in_(self.licenses))
            .order_by(col(GrantRow.granted_at).desc(), col(GrantRow.id))
        ):
            found[row.license_id].append(row)
        return found

    def alerts(
        self,
        license_id: int,
        most: int,
        after: tuple[datetime, str] | None,
        meter: str | None,
        is_open: bool | None,
    ) -> list[AlertRow]:
        """Alerts of one of the licenses, newest first; those of the others are read along."""
        asked = (most, after, meter, is_open)
        if asked not in self._alerts:
            self._alerts[asked] = list_alerts(
                self.context.session, self.licenses.keys(), most=most, after=after, meter=meter, is_open=is_open
            )
        return self._alerts[asked].get(license_id, [])

    def requests(self, license_id: int, most: int, after: RequestCursor | None) -> list[CreditRequestRow]:
        """Requests for credits of one of the licenses, open ones first; those of the others are read along."""
        asked = (most, after)
        if asked not in self._requests:
            self._requests[asked] = list_requests(self.context.session, self.licenses.keys(), most=most, after=after)
        return self._requests[asked].get(license_id, [])

    def license(self, license_id: int) -> "License":
        """One of the licenses."""
        return License(loaded=self.licenses[license_id], page=self)

    def consumption(self, license_id: int) -> ConsumptionView:
        """The current consumption of one of the licenses."""
        context, (version, readings) = self.context, self.current[license_id]
        view = view_consumption(self.licenses[license_id], readings, version, context.runtime.registry, context.now)
        context.good_until = min(context.good_until, view.stale_at)
        return view


def page_of(context: Context, key: str) -> LicenseBatch | None:
    """A page with one license; None where no license has that key."""
    current = context.current(key)
    return None if current is None else LicenseBatch(context, {current.license.id: current.license}, [current])


@strawberry.type(description="A named number of a contract.")
class Term:
    key: str = strawberry.field(description="Its name, as `interactions_per_profile`.")
    value: float = strawberry.field(description="Its value.")


@strawberry.type(description="How the hard quota of a meter is kept.")
class QuotaTerms:
    meter: str = strawberry.field(description="The meter's key.")
    terms: strawberry.Private[core_terms.QuotaTerms]

    @strawberry.field(description="How long a window is; null for calendar months in UTC.")
    def window(self) -> Duration | None:
        return None if self.terms.window is None else Duration(self.terms.window)

    @strawberry.field(description="For how long a refused installation stays away at the most; null for the window.")
    def back_off_days(self) -> int | None:
        return self.terms.back_off_days

    @strawberry.field(description="An installation that was not seen on so many days is lost.")
    def lost_after_days(self) -> int:
        return self.terms.lost_after_days

    @strawberry.field(description="What installations are told while the database is away.")
    def on_outage(self) -> OnOutage:
        return OnOutage(self.terms.on_outage)

    @strawberry.field(description="What is kept of an installation's identifier.")
    def identifiers(self) -> Identifiers:
        return Identifiers(self.terms.identifiers)


@strawberry.type(description="Further parts of a meter's limit that people are told of.")
class AlertAt:
    meter: str = strawberry.field(description="The meter's key.")
    ratios: list[float] = strawberry.field(description="The parts of the limit, lowest first.")


@strawberry.type(description="The terms in force.")
class Contract:
    row: strawberry.Private[ContractVersion]

    @strawberry.field(description="Grows with every version that was put.")
    def version(self) -> int:
        return self.row.version

    @strawberry.field(description="From when these terms hold.")
    def effective_from(self) -> date:
        return self.row.effective_from

    @strawberry.field(description="The anchor of the billing periods.")
    def starts_on(self) -> date:
        return self.row.starts_on

    @strawberry.field(description="How long a billing period is.")
    def billing_period(self) -> Duration:
        return Duration(self.row.billing_period)

    @strawberry.field(description="The terms by key.")
    def terms(self) -> list[Term]:
        return [Term(key=key, value=float(Decimal(value))) for key, value in sorted(self.row.terms.items())]

    @strawberry.field(description="Further ratios that people are told of, beside the meters' own.")
    def alert_at(self) -> list[AlertAt]:
        found = sorted(self.row.alert_at.items())
        return [AlertAt(meter=meter, ratios=[float(Decimal(one)) for one in ratios]) for meter, ratios in found]

    @strawberry.field(description="How hard quotas are kept, where not by their defaults.")
    def quotas(self) -> list[QuotaTerms]:
        return [QuotaTerms(meter=meter, terms=quota_terms(self.row.quotas, meter)) for meter in sorted(self.row.quotas)]

    @strawberry.field(description="How many days before credits expire people are told, the most first.")
    def expiry_notice_days(self) -> list[int]:
        return list(self.row.expiry_notice_days)

    @strawberry.field(description="Whether people are warned of exceeded limits.")
    def warnings(self) -> bool:
        return self.row.warnings


@strawberry.type(description="The tenant: what a customer bought.")
class License(Node):
    loaded: strawberry.Private[LoadedLicense]
    page: strawberry.Private[LicenseBatch]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("License", self.loaded.license.key))

    @strawberry.field(description="Stable; platforms and front ends name it.")
    def key(self) -> str:
        return self.loaded.license.key

    @strawberry.field(description="What people call it.")
    def name(self) -> str:
        return self.loaded.license.name

    @strawberry.field(description="The IANA time zone at whose midnight its days begin.")
    def time_zone(self) -> str:
        return self.loaded.license.time_zone

    @strawberry.field(description="The contract in force; null while there is none.")
    def contract(self) -> Contract | None:
        version = self.loaded.version_on(self.loaded.today)
        return None if version is None else Contract(row=version)

    @strawberry.field(description="What it uses of what its contract allows.")
    def consumption(self, info: Info) -> Consumption:
        # A caller who may write contracts gets to this license as well.
        info.context.caller.require(*READERS)
        return Consumption(view=self.page.consumption(self.loaded.id), page=self.page)

    @strawberry.field(description="The credits granted to it, newest first.")
    def grants(
        self,
        first: Annotated[int | None, strawberry.argument(description="Grants at the most, up to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="The cursor to go on after.")] = None,
    ) -> GrantConnection:
        size = page_size(first, 20)
        rows = self.page.grants.get(self.loaded.id, [])
        if after is not None:
            at, key = decode_cursor(after, "grants", str, str)
            # Newest first, and of the same instant by id: what comes after has a lower time, or a higher id.
            place = (cursor_time(at), _Descending(key))
            rows = [row for row in rows if (row.granted_at, _Descending(row.id)) < place]
        page = rows[:size]
        cursors = [encode("grants", row.granted_at.isoformat(), row.id) for row in page]
        return GrantConnection(
            edges=[
                GrantEdge(cursor=cursor, node=grant_of(row, self.page))
                for cursor, row in zip(cursors, page, strict=True)
            ],
            page_info=page_info(cursors, after, more=len(rows) > size),
        )

    @strawberry.field(description="The credits that it asked for: open requests first, then the newest.")
    def credit_requests(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="Requests at the most, up to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="The cursor to go on after.")] = None,
    ) -> CreditRequestConnection:
        info.context.caller.require(*READERS)
        size = page_size(first, 20)
        place = None
        if after is not None:
            closed, at, key = decode_cursor(after, "creditRequests", int, str, str)
            place = (bool(closed), cursor_time(at), str(key))
        found = self.page.requests(self.loaded.id, size + 1, place)
        rows = found[:size]
        cursors = [
            encode("creditRequests", int(row.closed_by is not None), row.requested_at.isoformat(), row.id)
            for row in rows
        ]
        return CreditRequestConnection(
            edges=[
                CreditRequestEdge(cursor=cursor, node=CreditRequest(row=row, page=self.page))
                for cursor, row in zip(cursors, rows, strict=True)
            ],
            page_info=page_info(cursors, after, more=len(found) > size),
        )

    @strawberry.field(description="The thresholds that were crossed, newest first.")
    def alerts(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="Alerts at the most, up to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="The cursor to go on after.")] = None,
        meter: Annotated[str | None, strawberry.argument(description="Only of this meter, by its key.")] = None,
        open_: Annotated[
            bool | None,
            strawberry.argument(name="open", description="Only those that stand, or where false those that are over."),
        ] = None,
    ) -> AlertConnection:
        info.context.caller.require(*READERS)
        size = page_size(first, 20)
        place = None
        if after is not None:
            at, key = decode_cursor(after, "alerts", str, str)
            place = (cursor_time(at), str(key))
        found = self.page.alerts(self.loaded.id, size + 1, place, meter, open_)
        rows = found[:size]
        cursors = [encode("alerts", row.crossed_at.isoformat(), row.id) for row in rows]
        license = self.loaded.license
        return AlertConnection(
            edges=[
                AlertEdge(cursor=cursor, node=Alert(row=row, time_zone=license.time_zone))
                for cursor, row in zip(cursors, rows, strict=True)
            ],
            page_info=page_info(cursors, after, more=len(found) > size),
        )


class _Descending(str):
    """A text that sorts the other way around."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


@strawberry.type(description="A license and its place in the connection.")
class LicenseEdge:
    cursor: str = strawberry.field(description="To go on after it.")
    node: License = strawberry.field(description="The license.")


@strawberry.type(description="Licenses (Relay).")
class LicenseConnection:
    edges: list[LicenseEdge] = strawberry.field(description="The licenses of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


def license_connection(
    context: Context,
    order: LicenseOrder,
    first: int | None,
    after: str | None,
    statuses: list[UsageStatus] | None,
    search: str | None,
) -> LicenseConnection:
    """A page of all licenses."""
    size = page_size(first, 20)
    field = f"licenses:{order.value}"
    place = None
    if after is not None:
        severity, key = decode_cursor(after, field, int, str)
        if severity not in SEVERITY.values():
            refuse_cursor()
        place = LicenseCursor(int(str(severity)), str(key))
    found = list_licenses(context.session, order=order, most=size + 1, after=place, statuses=statuses, search=search)
    shown = found[:size]
    page = LicenseBatch(context, load_licenses(context.session, [license_id for license_id, _ in shown], context.now))
    cursors = [encode(field, place.severity, place.key) for _, place in shown]
    return LicenseConnection(
        edges=[
            LicenseEdge(cursor=cursor, node=page.license(license_id))
            for cursor, (license_id, _) in zip(cursors, shown, strict=True)
        ],
        page_info=page_info(cursors, after, more=len(found) > size),
    )
