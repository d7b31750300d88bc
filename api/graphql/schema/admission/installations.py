"""The report on a license's installations."""

from datetime import date

import strawberry

from api.graphql.context import Context
from api.graphql.schema.common.period import Period
from core.admission import report
from core.licenses.load import LoadedLicense


@strawberry.type(description="What became of a license's installations in a quota window.")
class InstallationReport:
    report: strawberry.Private[report.InstallationReport]

    @strawberry.field(description="The quota window.")
    def period(self) -> Period:
        return Period(start=self.report.window.start, end=self.report.window.end)

    @strawberry.field(description="How many may be active; null without a quota.")
    def quota(self) -> float | None:
        return self.report.quota

    @strawberry.field(description="Installations with a place in the window.")
    def active(self) -> int:
        return self.report.active

    @strawberry.field(description="Of those active, the ones that were never seen before, or were lost.")
    def new(self) -> int:
        return self.report.new

    @strawberry.field(description="Of those active, the ones that were known before.")
    def returning(self) -> int:
        return self.report.returning

    @strawberry.field(description="Installations that became lost in the window: not seen for 40 days, or as agreed.")
    def lost(self) -> int:
        return self.report.lost

    @strawberry.field(description="Installations that found no place.")
    def refused(self) -> int:
        return self.report.refused

    @strawberry.field(description="Whether any was refused: then active, new and lost are not what they seem.")
    def skewed(self) -> bool:
        return self.report.skewed


def installations_of(
    context: Context, license: LoadedLicense, day: date | None, meter: str | None
) -> InstallationReport | None:
    """The report of the window that holds a day; None where nothing can be reported."""
    doors = context.runtime.admitter.doors
    if meter is None and doors.default is None:
        return None
    door = doors.named(meter)
    found = report.installation_report(context.counters(license, door), license, door, day, context.now)
    return None if found is None else InstallationReport(report=found)
