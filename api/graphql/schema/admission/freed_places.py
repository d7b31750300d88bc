"""The freeing of places in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.results import InputError, errors_field


@strawberry.input(
    description="Places of a hard quota to free: that of one installation, or those of all installations that were "
    "first seen within a time."
)
class FreePlacesInput:
    license: str = strawberry.field(description="The key of the license.")
    meter: str | None = strawberry.field(
        default=None, description="The key of the meter with the quota. The default is `active_installations`."
    )
    installation: str | None = strawberry.field(
        default=None, description="The identifier of the installation. Null if the time is given."
    )
    first_seen_from: datetime | None = strawberry.field(
        default=None, description="The beginning of the time in which the installations were first seen."
    )
    first_seen_before: datetime | None = strawberry.field(
        default=None, description="The end of that time, which is not part of it."
    )
    note: str | None = strawberry.field(
        default=None, description="The reason, for people. It is stored with the name of the API key."
    )


@strawberry.type(description="The result of `freePlaces`.")
class FreePlacesResult:
    freed: int = strawberry.field(
        default=0,
        description="The number of places that were freed. 0 if no such installation has a place, or there are errors.",
    )
    errors: list[InputError] = errors_field()
