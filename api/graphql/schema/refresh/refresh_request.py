"""Requested refreshes in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.cursors import encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Node, Problem
from core.queue import tables

describe_enum(
    tables.RefreshStatus,
    "Where a refresh stands.",
    QUEUED="It waits for a worker.",
    RUNNING="A worker has it.",
    DONE="It is over.",
    FAILED="It is over and failed: see `problem`.",
)


@strawberry.type(description="A refresh that was asked for.")
class RefreshRequest(Node):
    run: strawberry.Private[tables.RefreshRun]
    license_key: strawberry.Private[str]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("RefreshRequest", self.license_key, self.run.id))

    @strawberry.field(description="Where it stands.")
    def status(self) -> tables.RefreshStatus:
        return tables.RefreshStatus(self.run.status)

    @strawberry.field(description="When it was asked for.")
    def requested_at(self) -> datetime:
        return self.run.requested_at

    @strawberry.field(description="When it was over; null before.")
    def finished_at(self) -> datetime | None:
        return self.run.finished_at

    @strawberry.field(description="Why it failed; null where it did not.")
    def problem(self) -> Problem | None:
        if self.run.problem is None:
            return None
        since = self.run.finished_at or self.run.requested_at
        return Problem(code="REFRESH_FAILED", message=self.run.problem, since=since)
