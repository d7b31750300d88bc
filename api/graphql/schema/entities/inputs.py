"""The inputs of the mutations of entities."""

from datetime import date

import strawberry


@strawberry.input(description="An entity to close.")
class CloseEntityInput:
    license: str = strawberry.field(description="The key of the license.")
    entity: str = strawberry.field(description="The entity, in any spelling.")
    from_: date = strawberry.field(
        name="from",
        description="The first day on which the entity is closed, in the license's time zone. It may be in the past or "
        "in the future.",
    )
    into: str | None = strawberry.field(
        default=None,
        description="The entity that takes over: later usage of the closed entity is its usage, and it has the credits "
        "of the closed entity. It may be new. By default nobody takes over, and later usage is rejected.",
    )


@strawberry.input(description="An entity to rename.")
class RenameEntityInput:
    license: str = strawberry.field(description="The key of the license.")
    entity: str = strawberry.field(description="The entity, in any spelling.")
    name: str = strawberry.field(
        description="The new name. Usage may name the entity by its old names and by the new one."
    )
