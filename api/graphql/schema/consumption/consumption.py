"""The consumption of a license in the schema."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.admission.installations import InstallationReport, installations_of
from api.graphql.schema.common.lazy_license import LazyLicense, lazy_license
from api.graphql.schema.common.node import Info, Node, Problem
from api.graphql.schema.common.scalars import number
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.ids import view_id
from api.graphql.schema.consumption.reading import Reading, shown_problem
from api.graphql.schema.consumption.section import Section
from api.graphql.schema.consumption.warnings import Warnings
from core.consumption import view
from core.consumption.view import Freshness
from core.consumption.warnings import warnings_of
from core.errors import BadInput
from core.languages.words import Words
from core.nearest import did_you_mean
from core.text import shown


@strawberry.type(
    description="The usage of a license against the limits of its contract, now or at the end of a past day."
)
class Consumption(Node):
    view: strawberry.Private[view.ConsumptionView]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return view_id("Consumption", self.view)

    @strawberry.field(description="The license.")
    def license(self) -> LazyLicense:
        return lazy_license(self.batch, self.view.license.id)

    @strawberry.field(
        description="The worst status of the sections. The order from worst to best is EXCEEDED, AT_RISK, UNKNOWN, OK. "
        "Readings with the state NOT_IN_CONTRACT are no part of it."
    )
    def status(self) -> UsageStatus:
        return self.view.status

    @strawberry.field(
        description="The problem `NO_CONTRACT`: no contract is in force, so usage is held against no limit. It began "
        "with the end of the last contract; before a first, with the calendar year. Null if a contract is in force."
    )
    def problem(self, info: Info) -> Problem | None:
        return shown_problem(self.view.problem, info.context.words)

    @strawberry.field(
        description="The update time of the section that was updated least recently, among those that were ever "
        "updated. Null if no section was."
    )
    def updated_at(self) -> datetime | None:
        return self.view.updated_at

    @strawberry.field(
        description="The freshness of the readings: STALE if any is stale, NEVER if the license was never measured."
    )
    def freshness(self) -> Freshness:
        return self.view.freshness

    @strawberry.field(
        description="The highest utilization of a reading: usage divided by the limit, for example 0.85. Null if no "
        "reading has a limit above 0. Limits that have no effect are left out."
    )
    def utilization(self) -> float | None:
        return number(self.view.utilization)

    @strawberry.field(
        description="The version of the readings. It grows with every change that a reader can see. It is 0 for a "
        "past day."
    )
    def version(self) -> int:
        return self.view.version

    @strawberry.field(description="The sections in their order of display.")
    def sections(
        self,
        info: Info,
        keys: Annotated[
            list[str] | None,
            strawberry.argument(description="Only the sections with these keys. The default is all sections."),
        ] = None,
        status: Annotated[
            list[UsageStatus] | None,
            strawberry.argument(
                description="Only the sections with one of these statuses. The default is all statuses."
            ),
        ] = None,
    ) -> list[Section]:
        known = info.context.services.registry.sections
        for key in keys or ():
            if key not in known:
                raise BadInput(f"No section {shown(key)}.{did_you_mean(key, known)}")
        with_keys = known if keys is None else frozenset(keys)
        with_status = None if status is None else frozenset(status)
        return [
            Section(view=section, words=info.context.words)
            for section in self.view.sections
            if section.section.key in with_keys and (with_status is None or section.status in with_status)
        ]

    @strawberry.field(description="The section with a key. Null if no installed meter belongs to the section.")
    def section(
        self, info: Info, key: Annotated[str, strawberry.argument(description="The key of the section.")]
    ) -> Section | None:
        return self.find_section(key, info.context.words)

    @strawberry.field(description="The warnings to show in applications now.")
    def warnings(self) -> Warnings:
        return Warnings(record=warnings_of(self.view))

    @strawberry.field(
        description="The figures of the license's installations in one quota window. Null if no installed meter "
        "counts installations, and for a window that ended more than 1,100 days ago."
    )
    def installations(
        self,
        info: Info,
        window: Annotated[
            date | None, strawberry.argument(description="A day in the window. The default is the current window.")
        ] = None,
        meter: Annotated[
            str | None, strawberry.argument(description="The key of the meter. The default is `active_installations`.")
        ] = None,
    ) -> InstallationReport | None:
        return installations_of(info.context, self.view.license, window or self.view.day, meter)

    def find_section(self, key: str, words: Words) -> Section | None:
        """Return the section with that key, or None if no installed meter belongs to it."""
        return next((Section(view=view, words=words) for view in self.view.sections if view.section.key == key), None)

    def find_reading(self, meter: str) -> Reading | None:
        """Return the reading of a meter, or None if the meter is not installed."""
        views = (view for section in self.view.sections for view in section.readings)
        return next((Reading(view=view) for view in views if view.meter.key == meter), None)
