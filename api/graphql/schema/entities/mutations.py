"""The mutations of entities."""

from typing import Annotated

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.entities.inputs import CloseEntityInput, RenameEntityInput
from core.access.keys import Scope
from core.administration import close_entity as closing
from core.administration import inputs
from core.administration import rename_entity as renaming


@strawberry.type(description="The result of `closeEntity`.")
class CloseEntityResult:
    closed: bool = strawberry.field(
        default=False, description="Whether the entity is closed from the day on. False if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `renameEntity`.")
class RenameEntityResult:
    renamed: bool = strawberry.field(
        default=False, description="Whether the entity has the new name. False if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.mutation(
    description="Close an entity from a day on, or merge it into another. From that day on it is no part of current "
    "levels; what it counted stays counted. Readings, history and alerts follow at the next refresh. Closing it "
    "again replaces the day and the entity that takes over."
)
@reports_errors(CloseEntityResult)
def close_entity(
    info: Info, input: Annotated[CloseEntityInput, strawberry.argument(description="The entity to close.")]
) -> CloseEntityResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    given = inputs.ClosingInput(input.license, input.entity, input.from_, input.into)
    with context.write() as session:
        closing.close_entity(session, given, context.caller.name, context.now)
    context.services.announcer.announce()
    return CloseEntityResult(closed=True)


@strawberry.mutation(
    description="Rename an entity. Breakdowns show the new name as the label at the next refresh; the keys stay."
)
@reports_errors(RenameEntityResult)
def rename_entity(
    info: Info, input: Annotated[RenameEntityInput, strawberry.argument(description="The entity to rename.")]
) -> RenameEntityResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    given = inputs.RenamingInput(input.license, input.entity, input.name)
    with context.write() as session:
        renaming.rename_entity(session, given, context.caller.name, context.now)
    context.services.announcer.announce()
    return RenameEntityResult(renamed=True)
