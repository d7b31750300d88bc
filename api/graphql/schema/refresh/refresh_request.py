"""Requested refreshes in the schema."""

from datetime import datetime

import strawberry

from api.graphql.opaque import encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Node, Problem
from api.graphql.schema.common.person import Person, shown_person
from core.access.person import Person as PersonOfSession
from core.access.person import read_person
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

    @strawberry.field(
        description="The name of the person who made the request, or the id of a person without a name. The name of "
        "the API key, or of the operator on the command line, if no person is known. Null if that was not recorded."
    )
    def requested_by(self) -> str | None:
        return self._person.shown_name if self._person else self.run.requested_by

    @strawberry.field(
        description="The person who made the request. Null if the request was not made with the session of a person."
    )
    def person(self) -> Person | None:
        return shown_person(self._person)

    @property
    def _person(self) -> PersonOfSession | None:
        return read_person(self.run.person)

    @strawberry.field(description="The time at which the refresh ended. Null before that.")
    def finished_at(self) -> datetime | None:
        return self.run.finished_at

    @strawberry.field(description="The reason why the refresh failed. Null if it has not failed.")
    def problem(self) -> Problem | None:
        if self.run.problem is None:
            return None
        since = self.run.finished_at or self.run.requested_at
        return Problem(code="REFRESH_FAILED", message=self.run.problem, since=since)
