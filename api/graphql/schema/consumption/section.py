"""Sections of readings in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.node import Node
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.ids import view_id
from api.graphql.schema.consumption.reading import Reading
from core.consumption import view


@strawberry.type(description="Meters shown together, with one status and one update time.")
class Section(Node):
    view: strawberry.Private[view.SectionView]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return view_id("Section", self.view, self.view.section.key)

    @strawberry.field(description="Stable; front ends name it.")
    def key(self) -> str:
        return self.view.section.key

    @strawberry.field(description="What people call it.")
    def title(self) -> str:
        return self.view.section.title

    @strawberry.field(description="What it covers; null where its plugin says nothing.")
    def description(self) -> str | None:
        return self.view.section.description

    @strawberry.field(description="The worst of its readings.")
    def status(self) -> UsageStatus:
        return self.view.status

    @strawberry.field(description="Latest update; null where it never was.")
    def updated_at(self) -> datetime | None:
        return self.view.updated_at

    @strawberry.field(description="When its next refresh is due; null where none is.")
    def next_update_at(self) -> datetime | None:
        return self.view.next_update_at

    @strawberry.field(description="Start of the billing period; null where the section counts over none.")
    def consumption_since(self) -> datetime | None:
        return self.view.consumption_since

    @strawberry.field(description="What its meters found.")
    def readings(self) -> list[Reading]:
        return [Reading(view=reading) for reading in self.view.readings]
