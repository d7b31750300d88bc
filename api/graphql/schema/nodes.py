"""The queries `node` and `nodes`: the objects that global ids name."""

import inspect
from collections.abc import Callable
from datetime import date
from typing import Annotated, Final

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import readable_batch
from api.graphql.schema.common.cursors import decode_id, refuse_id
from api.graphql.schema.common.node import Info, Node
from api.graphql.schema.consumption.consumption import Consumption
from api.graphql.schema.consumption.queries import EARLIEST, find_consumption
from api.graphql.schema.credits.credit_request import CreditRequest
from api.graphql.schema.credits.grant import Grant
from api.graphql.schema.licenses.license import License
from api.graphql.schema.meters.meter import installed_meter
from api.graphql.schema.refresh.refresh_request import RefreshRequest
from core.access.keys import READERS
from core.credits.tables import CreditRequest as CreditRequestRow
from core.errors import BadInput
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun

MOST_NODES: Final = 50


@strawberry.field(description="Return the object with a global id. Null if the object no longer exists.")
def node(
    info: Info,
    id: Annotated[
        strawberry.ID, strawberry.argument(description="The global id: the `id` of an object that implements Node.")
    ],
) -> Node | None:
    return _find(info, id)


@strawberry.field(
    description="Return the objects with global ids, in the order of the ids. Null in the place of an object that no "
    "longer exists."
)
def nodes(
    info: Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"The global ids, {MOST_NODES} at most.")],
) -> list[Node | None]:
    if len(ids) > MOST_NODES:
        raise BadInput(f"`ids` names {len(ids)} objects. Name {MOST_NODES} at most, and the others in another request.")
    return [_find(info, id) for id in ids]


def _find(info: Info, id: str) -> Node | None:
    kind, *key = decode_id(id)
    find = _FINDERS.get(kind)
    if find is None:
        refuse_id()
    try:
        inspect.signature(find).bind(info.context, *key)
    except TypeError:  # ids of that type have another number of parts
        refuse_id()
    return find(info.context, *key)


def _consumption_node(context: Context, license: str, day: str | None = None) -> Consumption:
    batch = readable_batch(context, license)
    try:
        past = None if day is None else date.fromisoformat(day)
    except ValueError:
        refuse_id()
    if past and (past.isoformat() != day or past.year < EARLIEST.year or past > batch.license.today):
        refuse_id()
    return find_consumption(batch, past)


def _section_node(context: Context, license: str, section: str, day: str | None = None) -> Node | None:
    return _consumption_node(context, license, day).find_section(section, context.words)


def _reading_node(context: Context, license: str, meter: str, day: str | None = None) -> Node | None:
    return _consumption_node(context, license, day).find_reading(meter)


def _license_node(context: Context, license: str) -> Node:
    batch = readable_batch(context, license)
    return License(loaded=batch.license, batch=batch)


def _meter_node(context: Context, meter: str) -> Node | None:
    context.caller.require(*READERS)
    return installed_meter(context, meter)


def _grant_node(context: Context, license: str, grant: str) -> Node | None:
    batch = readable_batch(context, license)
    rows = [row for rows in batch.grants.values() for row in rows if row.id == grant]
    return Grant(row=rows[0], batch=batch) if rows else None


def _credit_request_node(context: Context, license: str, request: str) -> Node | None:
    batch = readable_batch(context, license)
    row = context.session.get(CreditRequestRow, (batch.license.id, request))
    return None if row is None else CreditRequest(row=row, batch=batch)


def _refresh_node(context: Context, license: str, run: str) -> Node | None:
    batch = readable_batch(context, license)
    row = context.session.get(RefreshRun, (batch.license.id, run)) if run != SCHEDULE else None
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
