"""The queries, and who may ask them."""

import inspect
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import strawberry

from api.graphql.context import Context
from api.graphql.schema.common.cursors import decode_id, refuse_id
from api.graphql.schema.common.node import Info, Node
from api.graphql.schema.consumption.consumption import Consumption
from api.graphql.schema.consumption.status import UsageStatus
from api.graphql.schema.credits.credits import CreditRequest, grant_of
from api.graphql.schema.licenses.license import (
    License,
    LicenseBatch,
    LicenseConnection,
    license_connection,
    page_of,
)
from api.graphql.schema.meters.meter import Meter, Plugin
from api.graphql.schema.refresh.refresh import RefreshRequest
from api.graphql.schema.webhooks.webhook import Endpoint, webhook_endpoints
from core.access.keys import READERS, Scope
from core.consumption.list_licenses import LicenseOrder
from core.consumption.past import measure_past
from core.credits.tables import CreditRequest as CreditRequestRow
from core.errors import BadInput
from core.licenses.find import no_license
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun

EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
"""Before it nothing can have been used."""


@strawberry.type(description="Who asks: the key that the request carries.")
class Viewer:
    name: str = strawberry.field(description="The key's name.")
    scopes: list[str] = strawberry.field(description="What the key may do.")

    @strawberry.field(description="The license that the key is for; null where it is for all.")
    def license(self, info: Info) -> License | None:
        caller = info.context.caller
        caller.require(*READERS)
        key = caller.license
        page = page_of(info.context, key) if key else None
        return _license_of(page) if page else None


@strawberry.type(description="What may be asked.")
class Query:
    @strawberry.field(description="Who asks.")
    def viewer(self, info: Info) -> Viewer:
        caller = info.context.caller
        return Viewer(name=caller.name, scopes=sorted(caller.scopes))

    @strawberry.field(description="What a license uses; null only with an error.")
    def consumption(
        self,
        info: Info,
        license: Annotated[
            str | None, strawberry.argument(description="The license's key; left out, the key's own license.")
        ] = None,
        at: Annotated[
            datetime | None,
            strawberry.argument(
                description="As it stood at the end of that day in the license's time zone; left out, now."
            ),
        ] = None,
    ) -> Consumption | None:
        page = readable(info.context, license)
        return consumption_of(page, None if at is None else _day_of(page, at))

    @strawberry.field(description="A license; null only with an error.")
    def license(
        self, info: Info, key: Annotated[str, strawberry.argument(description="The license's key.")]
    ) -> License | None:
        return _license_of(readable(info.context, key))

    @strawberry.field(description="Operators: every license, worst first by default.")
    def licenses(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="Licenses at the most, up to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="The cursor to go on after.")] = None,
        status: Annotated[list[UsageStatus] | None, strawberry.argument(description="Only with these.")] = None,
        search: Annotated[str | None, strawberry.argument(description="Part of a key or a name.")] = None,
        order_by: Annotated[LicenseOrder | None, strawberry.argument(description="WORST_FIRST by default.")] = None,
    ) -> LicenseConnection:
        info.context.caller.require_all_licenses(Scope.OPERATE)
        order = order_by or LicenseOrder.WORST_FIRST
        return license_connection(info.context, order, first, after, status, search)

    @strawberry.field(description="Where a license's messages are sent, by key.")
    def webhook_endpoints(
        self,
        info: Info,
        license: Annotated[
            str | None, strawberry.argument(description="The license's key; left out, the key's own license.")
        ] = None,
    ) -> list[Endpoint]:
        return webhook_endpoints(info.context, license)

    @strawberry.field(description="Every meter that is installed, in the order of display.")
    def meters(self, info: Info) -> list[Meter]:
        info.context.caller.require(*READERS)
        return [Meter(meter=meter) for meter in info.context.runtime.registry.meters.values()]

    @strawberry.field(description="Every plugin that is installed, also those that failed to load.")
    def plugins(self, info: Info) -> list[Plugin]:
        info.context.caller.require(*READERS)
        return [Plugin(plugin=plugin) for plugin in info.context.runtime.registry.plugins]

    @strawberry.field(description="The object with that id; null where there is none any more.")
    def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its `id`.")]
    ) -> Node | None:
        kind, *key = decode_id(id)
        find = _FINDERS.get(kind)
        if find is None:
            refuse_id()
        try:
            inspect.signature(find).bind(info.context, *key)
        except TypeError:  # an id of that type has another number of parts
            refuse_id()
        return find(info.context, *key)


def readable(context: Context, license: str | None) -> LicenseBatch:
    """The license, or the key's own, if the caller may read it.

    Raises :class:`core.errors.Forbidden` alike for a license that exists and for one that does not, unless the
    key is for all licenses.
    """
    caller = context.caller
    caller.require(*READERS)
    key = license if license is not None else caller.license
    if key is None:
        raise BadInput("This key is for all licenses: name one with `license`.")
    caller.require(*READERS, license=key)
    page = page_of(context, key)
    if page is None:
        raise no_license(context.session, key)
    return page


def _license_of(page: LicenseBatch) -> License:
    (loaded,) = page.licenses.values()
    return License(loaded=loaded, page=page)


def consumption_of(page: LicenseBatch, day: date | None) -> Consumption:
    """The consumption now, or as it stood at the end of a past day."""
    context = page.context
    (loaded,) = page.licenses.values()
    if day is None or day >= loaded.today:
        return Consumption(view=page.consumption(loaded.id), page=page)
    runtime = context.runtime
    view = measure_past(context.session, loaded, day, runtime.registry, runtime.measurer, context.now)
    return Consumption(view=view, page=page)


def _day_of(page: LicenseBatch, at: datetime) -> date:
    if not EARLIEST <= at <= page.context.now:
        raise BadInput(f"`at` {at.isoformat()} must be from {EARLIEST.date()} up to now.")
    (loaded,) = page.licenses.values()
    return at.astimezone(ZoneInfo(loaded.license.time_zone)).date()


def _consumption_node(context: Context, license: str, day: str | None = None) -> Consumption:
    page = readable(context, license)
    (loaded,) = page.licenses.values()
    try:
        past = None if day is None else date.fromisoformat(day)
    except ValueError:
        refuse_id()
    if past and (past.isoformat() != day or past.year < EARLIEST.year or past > loaded.today):
        refuse_id()
    return consumption_of(page, past)


def _section_node(context: Context, license: str, section: str, day: str | None = None) -> Node | None:
    return _consumption_node(context, license, day).find_section(section)


def _reading_node(context: Context, license: str, meter: str, day: str | None = None) -> Node | None:
    return _consumption_node(context, license, day).find_reading(meter)


def _license_node(context: Context, license: str) -> Node:
    return _license_of(readable(context, license))


def _meter_node(context: Context, meter: str) -> Node | None:
    context.caller.require(*READERS)
    found = context.runtime.registry.meters.get(meter)
    return None if found is None else Meter(meter=found)


def _grant_node(context: Context, license: str, grant: str) -> Node | None:
    page = readable(context, license)
    rows = [row for rows in page.grants.values() for row in rows if row.id == grant]
    return grant_of(rows[0], page) if rows else None


def _credit_request_node(context: Context, license: str, request: str) -> Node | None:
    page = readable(context, license)
    (loaded,) = page.licenses.values()
    row = context.session.get(CreditRequestRow, (loaded.id, request))
    return None if row is None else CreditRequest(row=row, page=page)


def _refresh_node(context: Context, license: str, run: str) -> Node | None:
    page = readable(context, license)
    (loaded,) = page.licenses.values()
    row = context.session.get(RefreshRun, (loaded.id, run)) if run != SCHEDULE else None
    return None if row is None else RefreshRequest(run=row, license_key=license)


_FINDERS: dict[str, Callable[..., Node | None]] = {
    "Consumption": _consumption_node,
    "Section": _section_node,
    "Reading": _reading_node,
    "License": _license_node,
    "Meter": _meter_node,
    "Grant": _grant_node,
    "CreditRequest": _credit_request_node,
    "RefreshRequest": _refresh_node,
}
