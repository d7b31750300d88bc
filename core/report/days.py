"""The days of a report: those on which a contract is in force, each with its contract. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta

from allowance import Contract

from core.errors import BadInput
from core.licenses.load import LoadedLicense

MOST_DAYS = 1100
"""The most days of a report: as long as history keeps the end of every day by default."""


def report_days(license: LoadedLicense, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the first and the last day of a report.

    Args:
        license: The license.
        first: The first day; None stands for the first day of the billing period that holds the last day.
        last: The last day; None stands for today.

    Raises:
        BadInput: The first day is after the last or after today, or the days are too many.
    """
    last = min(last or license.today, license.today)
    first = first or license.period_on(last).first
    if first > last:
        raise BadInput(f"The report would begin on {first}, after its last day, {last}. Name an earlier first day.")
    if (last - first).days >= MOST_DAYS:
        raise BadInput(
            f"A report covers {MOST_DAYS} days at the most; {first} to {last} are more. Name a later first day."
        )
    return first, last


def days_with_contract(license: LoadedLicense, first: date, last: date) -> dict[date, Contract]:
    """Return the contract of each day from the first to the last on which one is in force, in the order of the days."""
    contracts = ((day, license.contract_on(day)) for day in _days(first, last))
    return {day: contract for day, contract in contracts if contract.in_force}


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
