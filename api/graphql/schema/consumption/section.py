"""Sections of readings in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.node import Node, Problem
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.ids import view_id
from api.graphql.schema.consumption.reading import Reading, shown_problem
from core.consumption import view
from core.consumption.view import Freshness
from core.languages.words import Words


@strawberry.type(description="A section: meters that are shown together, with one status and one update time.")
class Section(Node):
    view: strawberry.Private[view.SectionView]
    words: strawberry.Private[Words]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return view_id("Section", self.view, self.view.section.key)

    @strawberry.field(
        description="The stable key of the section, for example `interactions`. Front ends name sections by key."
    )
    def key(self) -> str:
        return self.view.section.key

    @strawberry.field(description="The display name of the section.")
    def title(self) -> str:
        return self.words.text(self.view.section.title)

    @strawberry.field(description="A sentence that describes the section. Null if the plugin gives none.")
    def description(self) -> str | None:
        description = self.view.section.description
        return None if description is None else self.words.text(description)

    @strawberry.field(
        description="The worst status of the readings. The order from worst to best is EXCEEDED, AT_RISK, UNKNOWN, OK. "
        "Readings with the state NOT_IN_CONTRACT are no part of it."
    )
    def status(self) -> UsageStatus:
        return self.view.status

    @strawberry.field(description="The time of the latest update of any reading. Null if no reading was ever updated.")
    def updated_at(self) -> datetime | None:
        return self.view.updated_at

    @strawberry.field(description="The time at which the next refresh is due. Null if no refresh is due.")
    def next_update_at(self) -> datetime | None:
        return self.view.next_update_at

    @strawberry.field(
        description="The start of the current billing period. Null if no meter of the section counts over a billing "
        "period."
    )
    def consumption_since(self) -> datetime | None:
        return self.view.consumption_since

    @strawberry.field(
        description="The freshness of the section: STALE if the refresh of any of its readings failed or is overdue, "
        "NEVER if none of them was ever measured."
    )
    def freshness(self) -> Freshness:
        return self.view.freshness

    @strawberry.field(
        description="The reason for which the last refresh of a reading failed; of several readings, the reason that "
        "stands longest. Null if the last refresh of every reading succeeded."
    )
    def problem(self) -> Problem | None:
        return shown_problem(self.view.problem, self.words)

    @strawberry.field(description="The readings of the section's meters.")
    def readings(self) -> list[Reading]:
        return [Reading(view=reading) for reading in self.view.readings]
