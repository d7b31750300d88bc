"""The inputs of the mutations of credits."""

from datetime import datetime

import strawberry


@strawberry.input(description="Credits to grant.")
class GrantCreditsInput:
    id: str = strawberry.field(description="Granting the same id twice grants once.")
    license: str = strawberry.field(description="The license's key.")
    amount: float = strawberry.field(description="Credits, above 0.")
    entity: str | None = strawberry.field(default=None, description="The entity that alone may use them.")
    granted_at: datetime | None = strawberry.field(default=None, description="From when; left out, now.")
    expires_at: datetime | None = strawberry.field(default=None, description="When the rest is lost; left out, never.")
    note: str | None = strawberry.field(default=None, description="For people.")
    meter: str | None = strawberry.field(
        default=None, description="The meter of credits; may be left out where one is installed."
    )
    request: strawberry.ID | None = strawberry.field(
        default=None,
        description="The `id` of the request that it answers; left out, the oldest open one for the same meter and "
        "entity, if there is one.",
    )


@strawberry.input(description="Credits to ask the operators for.")
class RequestCreditsInput:
    license: str = strawberry.field(description="The license's key.")
    amount: float = strawberry.field(description="Credits, above 0.")
    entity: str | None = strawberry.field(default=None, description="The entity that alone is to use them.")
    note: str | None = strawberry.field(default=None, description="For the operators.")
    meter: str | None = strawberry.field(
        default=None, description="The meter of credits; may be left out where one is installed."
    )
