"""Billing periods in the schema."""

from datetime import date, datetime, timedelta

import allowance
import strawberry

from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.licenses.contract import Contract
from core.licenses.load import LoadedLicense
from core.licenses.periods import last_periods


@strawberry.type(description="A billing period of a license: counters begin again at zero with each.")
class BillingPeriod:
    license: strawberry.Private[LoadedLicense]
    period: strawberry.Private[allowance.Period]

    @strawberry.field(description="The first instant of the period: midnight in the license's time zone.")
    def start(self) -> datetime:
        return self.period.starts_at

    @strawberry.field(description="The first instant after the period.")
    def end(self) -> datetime:
        return self.period.ends_at

    @strawberry.field(description="The first day of the period in the license's time zone.")
    def first_day(self) -> date:
        return self.period.first

    @strawberry.field(description="The last day of the period in the license's time zone.")
    def last_day(self) -> date:
        return self.period.end - timedelta(days=1)

    @strawberry.field(description="True for the period that holds today.")
    def current(self) -> bool:
        return self.license.today in self.period

    @strawberry.field(
        description="The contract in force on the last day of the period, or today in the current period. Null if none "
        "was."
    )
    def contract(self) -> Contract | None:
        version = self.license.version_on(min(self.period.end - timedelta(days=1), self.license.today))
        return None if version is None else Contract(row=version)


def billing_periods(license: LoadedLicense, last: int | None) -> list[BillingPeriod]:
    """Return the last billing periods of a license, oldest first.

    Raises:
        BadInput: `last` is not from 1 to 100.
    """
    most = page_size(last, 12, argument="last")
    return [BillingPeriod(license=license, period=period) for period in last_periods(license, most)]
