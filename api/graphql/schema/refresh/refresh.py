"""Asking for a refresh."""

from datetime import datetime

import strawberry
from sqlmodel import select

from api.graphql.context import Context
from api.graphql.schema.common.cursors import encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Node, Problem
from core.errors import BadInput
from core.licenses.tables import License as LicenseRow
from core.licenses.tables import id_of
from core.nearest import did_you_mean
from core.queue import tables
from core.queue.queue import SCHEDULE, request_refresh
from core.text import shown

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


def ask_for_refresh(context: Context, license: LicenseRow, sections: list[str] | None) -> RefreshRequest:
    """Ask for a refresh; one that was asked for already and waits is given again."""
    if sections == []:
        raise BadInput("`sections` is empty: name some, or leave it out for all.")
    known = context.runtime.registry.sections
    for key in sections or ():
        if key not in known:
            raise BadInput(f"No section {shown(key)}.{did_you_mean(key, known)}")
    wanted = sorted(set(sections)) if sections else None
    with context.write() as session:
        waiting = session.exec(
            select(tables.RefreshRun).where(
                tables.RefreshRun.license_id == id_of(license),
                tables.RefreshRun.status == tables.RefreshStatus.QUEUED,
                tables.RefreshRun.id != SCHEDULE,
            )
        )
        same = next((run for run in waiting if run.sections == wanted), None)
        run = same or request_refresh(session, id_of(license), wanted, context.now)
    context.announcer.announce()
    return RefreshRequest(run=run, license_key=license.key)
