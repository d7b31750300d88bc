"""Requested refreshes in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.cursors import encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Node, Problem
from core.queue import tables

describe_enum(
    tables.RefreshStatus,
    "The state of a refresh.",
    QUEUED="The refresh waits for a worker.",
    RUNNING="A worker performs the refresh.",
    DONE="The refresh has succeeded.",
    FAILED="The refresh has failed. The field `problem` gives the reason.",
)


@strawberry.type(description="A requested refresh of a license.")
class RefreshRequest(Node):
    run: strawberry.Private[tables.RefreshRun]
    license_key: strawberry.Private[str]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("RefreshRequest", self.license_key, self.run.id))

    @strawberry.field(description="The state of the refresh.")
    def status(self) -> tables.RefreshStatus:
        return tables.RefreshStatus(self.run.status)

    @strawberry.field(description="The time of the request.")
    def requested_at(self) -> datetime:
        return self.run.requested_at

    @strawberry.field(description="The time at which the refresh ended. Null before that.")
    def finished_at(self) -> datetime | None:
        return self.run.finished_at

    @strawberry.field(description="The reason why the refresh failed. Null if it has not failed.")
    def problem(self) -> Problem | None:
        if self.run.problem is None:
            return None
        since = self.run.finished_at or self.run.requested_at
        return Problem(code="REFRESH_FAILED", message=self.run.problem, since=since)
