"""The Relay Node interface, problems, and the type of `info` in every resolver."""

from datetime import datetime
from typing import TypeAlias

import strawberry

from api.graphql.context import Context

Info: TypeAlias = strawberry.Info[Context, None]


@strawberry.interface(description="Anything with an id of its own, see the `node` field (Relay).")
class Node:
    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        raise NotImplementedError  # each type has its own


@strawberry.type(description="Why something failed, in words for a person.")
class Problem:
    code: str = strawberry.field(description="A stable code, as METER_TIMED_OUT.")
    message: str = strawberry.field(description="What is wrong and what to do.")
    since: datetime = strawberry.field(description="Since when it has failed.")
