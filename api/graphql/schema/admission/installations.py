"""The report on the installations of a license in the schema."""

from datetime import date

import strawberry

from api.graphql.context import Context
from api.graphql.schema.common.period import Period
from core.admission import report
from core.licenses.load import LoadedLicense


@strawberry.type(description="The figures of a license's installations in one quota window.")
class InstallationReport:
    report: strawberry.Private[report.InstallationReport]

    @strawberry.field(description="The quota window.")
    def period(self) -> Period:
        return Period(start=self.report.window.start, end=self.report.window.end)

    @strawberry.field(description="The number of places in the window. Null if the contract sets no quota.")
    def quota(self) -> float | None:
        return self.report.quota

    @strawberry.field(description="The number of installations that have a place in the window.")
    def active(self) -> int:
        return self.report.active

    @strawberry.field(
        description="The number of active installations that are new: never seen before the window, or lost before it."
    )
    def new(self) -> int:
        return self.report.new

    @strawberry.field(description="The number of active installations that were known before the window.")
    def returning(self) -> int:
        return self.report.returning

    @strawberry.field(
        description="The number of installations that became lost in the window: they were not seen for 40 days, or "
        "for as many days as the contract sets."
    )
    def lost(self) -> int:
        return self.report.lost

    @strawberry.field(description="The number of installations that were refused a place.")
    def refused(self) -> int:
        return self.report.refused

    @strawberry.field(
        description="True if any installation was refused. The figures `active`, `new` and `lost` are unreliable "
        "then, because an installation without a place is not seen."
    )
    def skewed(self) -> bool:
        return self.report.skewed


def installations_of(
    context: Context, license: LoadedLicense, day: date | None, meter: str | None
) -> InstallationReport | None:
    """Return the report of a quota window, or None if there is no data.

    Args:
        context: The operation.
        license: The license.
        day: A day in the window; None stands for the current window.
        meter: The key of the meter; None stands for the default meter of hard quotas. Without such a meter there is no
            report.

    Raises:
        core.errors.BadInput: The window has not begun, or the meter has no hard quota.
    """
    quota_meters = context.services.admitter.quota_meters
    if meter is None and quota_meters.default is None:
        return None
    quota_meter = quota_meters.find(meter)
    counters = context.counters(license, quota_meter)
    figures = report.installation_report(counters, license, quota_meter, day, context.now)
    return None if figures is None else InstallationReport(report=figures)
