"""The query and the subscription of a license's consumption."""

from datetime import UTC, date, datetime
from typing import Annotated, Final

import strawberry

from api.graphql.license_batch import LicenseBatch, readable_batch
from api.graphql.schema.common.arguments import OwnLicense
from api.graphql.schema.common.node import Info
from api.graphql.schema.consumption.consumption import Consumption
from core.errors import BadInput

EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
"""The earliest instant that can be asked for: nothing was used before."""


@strawberry.field(description="Return the usage of a license against its limits. Null only together with an error.")
def consumption(
    info: Info,
    license: OwnLicense = None,
    at: Annotated[
        datetime | None,
        strawberry.argument(
            description="An instant on a past day. The answer shows the end of that day in the license's time zone. "
            "The default is now."
        ),
    ] = None,
) -> Consumption | None:
    batch = readable_batch(info.context, license)
    return find_consumption(batch, None if at is None else _day_of(batch, at))


# The field is no generator. A subscriber is answered by executing the operation again after each change, see
# api.graphql.subscriptions.subscribe.
@strawberry.field(description="Send the usage of a license at once, and again after every change.")
def consumption_changed(info: Info, license: OwnLicense = None) -> Consumption:
    return find_consumption(readable_batch(info.context, license), None)


def find_consumption(batch: LicenseBatch, day: date | None) -> Consumption:
    """Return the consumption of a batch of one license at the end of a day; None stands for now."""
    license_id = batch.license.id
    view = batch.consumption(license_id) if day is None else batch.consumption_on(license_id, day)
    return Consumption(view=view, batch=batch)


def _day_of(batch: LicenseBatch, at: datetime) -> date:
    if not EARLIEST <= at <= batch.context.now:
        raise BadInput(f"`at` {at.isoformat()} must be from {EARLIEST.date()} up to now.")
    return batch.license.day_of(at)
