"""Contract reports in the schema."""

from collections.abc import Sequence
from datetime import date, datetime

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.scalars import decimal, number
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.consumption.forecast import Forecast
from api.graphql.schema.licenses.inputs import TermInput
from api.graphql.schema.meters.meter import Meter
from core.errors import BadInput
from core.licenses.load import LoadedLicense
from core.report import contract_report
from core.report.curve import MOST_POINTS, curve_of
from core.report.day_usage import DayUsage
from core.report.other_terms import check_terms
from core.report.suggestion_words import suggestion_in_words


@strawberry.type(description="The number of days that ended with a status.")
class StatusDays:
    status: UsageStatus = strawberry.field(description="The status.")
    days: int = strawberry.field(description="The number of days.")


@strawberry.type(description="The usage of a meter against its limit at the end of a day.")
class ReportedDay:
    one: strawberry.Private[DayUsage]

    @strawberry.field(description="The day, in the license's time zone.")
    def day(self) -> date:
        return self.one.day

    @strawberry.field(
        description="The usage, together with what a hard quota refused until then. Null if the day was not measured."
    )
    def demand(self) -> float | None:
        return None if self.one.used is None else number(self.one.demand)

    @strawberry.field(description="The limit. Null if there was none.")
    def limit(self) -> float | None:
        return number(self.one.limit)

    @strawberry.field(description="The status.")
    def status(self) -> UsageStatus:
        return self.one.status


@strawberry.type(
    description="One meter under one version of the contract, on the days of the report on which that version was in "
    "force."
)
class MeterReport:
    report: strawberry.Private[contract_report.MeterReport]

    @strawberry.field(description="The meter.")
    def meter(self, info: Info) -> Meter:
        return Meter(meter=self.report.meter, words=info.context.words)

    @strawberry.field(description="The version of the contract.")
    def contract_version(self) -> int:
        return self.report.contract_version

    @strawberry.field(description="The limit on the last day, in the meter's unit. Null if there was none.")
    def committed(self) -> float | None:
        return number(self.report.committed)

    @strawberry.field(description="The usage on the last day that was measured. Null if no day was.")
    def used_at_end(self) -> float | None:
        return number(self.report.used_at_end)

    @strawberry.field(
        description="The highest usage at the end of a day, together with what a hard quota refused until then. Null "
        "if no day was measured."
    )
    def peak(self) -> float | None:
        return None if self.report.peak is None else number(self.report.peak.demand)

    @strawberry.field(description="The first day with the highest usage. Null if no day was measured.")
    def peak_on(self) -> date | None:
        return None if self.report.peak is None else self.report.peak.day

    @strawberry.field(
        description="The number of days that ended with each status. UNKNOWN stands for days that were not measured."
    )
    def days(self) -> list[StatusDays]:
        return [StatusDays(status=status, days=days) for status, days in self.report.days_by_status.items()]

    @strawberry.field(
        description=f"The usage over the days, to draw: at most {MOST_POINTS} days, the last and the one with the peak "
        "among them."
    )
    def curve(self) -> list[ReportedDay]:
        return [ReportedDay(one=one) for one in curve_of(self.report.days)]

    @strawberry.field(description="The first time at which the status was AT_RISK or EXCEEDED. Null if it never was.")
    def first_crossing(self) -> datetime | None:
        return self.report.first_crossing

    @strawberry.field(
        description="The most by which usage and refusals were above the limit at the end of a day, at least 0. Null "
        "if no day had both usage and limit."
    )
    def overage(self) -> float | None:
        return number(self.report.overage)

    @strawberry.field(
        description="The number of installations that a hard quota refused, in the window in which it refused the "
        "most. Null for soft limits. Where it is above 0, figures of active, new and lost installations are skewed."
    )
    def refused(self) -> float | None:
        return self.report.refused if self.report.is_hard else None

    @strawberry.field(
        description="The forecast for the period or window of today. Null for a version that is not in force today, "
        "and for a report that does not reach up to today."
    )
    def forecast(self, info: Info) -> Forecast | None:
        outlook = self.report.outlook
        if outlook is None:
            return None
        return Forecast(found=outlook.forecast, view=outlook.view, words=info.context.words)

    @strawberry.field(
        description="The limit that the contract should have: the highest usage or the high end of the forecast, with "
        "a headroom, rounded up. Null if the meter takes its limit from no term, if nothing was used, or if the usage "
        "of a period that is not over says nothing yet."
    )
    def suggested_limit(self) -> float | None:
        return None if self.report.suggestion is None else number(self.report.suggestion.limit)

    @strawberry.field(description="The reason for the suggested limit, in words. Null if there is none.")
    def suggested_because(self, info: Info) -> str | None:
        suggestion = self.report.suggestion
        return None if suggestion is None else suggestion_in_words(suggestion, self.report.meter, info.context.words)


@strawberry.type(
    description="The report on a contract: what was committed, what was used of it, and what the next contract should "
    "commit. Meters without limit and without usage are left out."
)
class ContractReport:
    license: strawberry.Private[LoadedLicense]
    report: strawberry.Private[contract_report.ContractReport]

    @strawberry.field(name="from", description="The first instant of the first day, in the license's time zone.")
    def from_(self) -> datetime:
        return self.license.start_of(self.report.first)

    @strawberry.field(description="The last instant of the last day, or now if that day is today.")
    def to(self, info: Info) -> datetime:
        return min(self.license.end_of(self.report.last), info.context.now)

    @strawberry.field(description="The meters, each once for each version of the contract.")
    def meters(self) -> list[MeterReport]:
        return [MeterReport(report=report) for report in self.report.meters]


def one_of(at_name: str, at: datetime | None, day_name: str, day: date | None) -> date | datetime | None:
    """Return an instant on a day, or the day itself; None without either.

    Raises:
        BadInput: There are both.
    """
    if at is not None and day is not None:
        raise BadInput(f"`{at_name}` and `{day_name}` name a day twice. Give one of them.")
    return day if at is None else at


def report_on(
    batch: LicenseBatch,
    license: LoadedLicense,
    first: date | datetime | None,
    last: date | datetime | None,
    terms: Sequence[TermInput] | None,
) -> ContractReport:
    """Return the report on the contracts of one license; those of the other licenses of the batch are read along.

    Raises:
        BadInput: The days or the terms cannot be used.
    """
    registry = batch.context.services.registry
    other = check_terms(((term.key, decimal(term.value)) for term in terms or ()), registry.meters.values())
    return ContractReport(license=license, report=batch.report(license.id, first, last, other))
