"""The inputs of the mutations of credits."""

from datetime import datetime

import strawberry


@strawberry.input(description="A grant of credits.")
class GrantCreditsInput:
    id: str = strawberry.field(
        description="The id of the grant. A second grant with the same id changes nothing, so that a retry is safe."
    )
    license: str = strawberry.field(description="The key of the license.")
    amount: float = strawberry.field(description="The number of credits, above 0.")
    entity: str | None = strawberry.field(
        default=None, description="The entity that the credits are for. The default is all entities of the license."
    )
    granted_at: datetime | None = strawberry.field(
        default=None, description="The time from which the credits may be used. The default is now."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="The time at which the remaining credits expire. The default is never."
    )
    note: str | None = strawberry.field(default=None, description="A note for people.")
    meter: str | None = strawberry.field(
        default=None,
        description="The key of the meter of credits. It is required only if several meters of credits are installed.",
    )
    request: strawberry.ID | None = strawberry.field(
        default=None,
        description="The `id` of the credit request that this grant answers. The default is the oldest open request "
        "for the same meter and entity, if there is one.",
    )


@strawberry.input(description="A grant of credits to void.")
class VoidGrantInput:
    license: str = strawberry.field(description="The key of the license.")
    grant: str = strawberry.field(description="The `key` of the grant.")
    note: str | None = strawberry.field(
        default=None, description="The reason, for people. It is stored with the name of the API key."
    )
    all: bool = strawberry.field(
        default=False,
        description="Whether to void the whole grant, as if it had never been made: what it paid is then taken from "
        "other grants, or owed. The default is to void what is left of it: what it paid stays paid.",
    )


@strawberry.input(description="A request for credits to decline.")
class DeclineCreditRequestInput:
    license: str = strawberry.field(description="The key of the license.")
    request: strawberry.ID = strawberry.field(description="The `id` of the credit request.")
    reason: str = strawberry.field(
        description="The reason, at most 500 characters. Users and admins of the license see it."
    )


@strawberry.input(description="A request for credits.")
class RequestCreditsInput:
    license: str = strawberry.field(description="The key of the license.")
    amount: float = strawberry.field(description="The number of credits, above 0.")
    entity: str | None = strawberry.field(
        default=None, description="The entity that the credits are for. The default is all entities of the license."
    )
    note: str | None = strawberry.field(default=None, description="A note to the operators.")
    meter: str | None = strawberry.field(
        default=None,
        description="The key of the meter of credits. It is required only if several meters of credits are installed.",
    )
