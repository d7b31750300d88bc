"""The Relay Node interface, problems, and the type of `info` in every resolver."""

from datetime import datetime
from typing import TypeAlias

import strawberry

from api.graphql.context import Context

Info: TypeAlias = strawberry.Info[Context, None]


@strawberry.interface(description="An object with a global id. The field `node` finds the object by that id (Relay).")
class Node:
    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        raise NotImplementedError  # each type overrides it


@strawberry.type(description="The reason for a failure.")
class Problem:
    code: str = strawberry.field(description="The stable code of the failure, for example `METER_TIMED_OUT`.")
    message: str = strawberry.field(description="A message for people: the failure and how to mend it.")
    since: datetime = strawberry.field(description="The time at which the failure began.")
