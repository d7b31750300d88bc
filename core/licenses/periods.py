"""The billing periods of a license up to the current one. Pure."""

from dataclasses import replace
from datetime import timedelta

from allowance import Period

from core.licenses.load import LoadedLicense


def last_periods(license: LoadedLicense, most: int) -> list[Period]:
    """Return the current billing period and the periods before it, as far back as there was a contract.

    Each ends where the next begins, also where a new contract cuts a period short.

    Args:
        license: The license with its contract versions.
        most: The largest number of periods.

    Returns:
        The periods, oldest first. Empty before the first contract begins.
    """
    begin = min((version.effective_from for version in license.versions), default=None)
    periods: list[Period] = []
    day = license.today
    while begin and day >= begin and len(periods) < most:
        period = license.period_on(day)
        periods.append(replace(period, end=min(period.end, periods[-1].first)) if periods else period)
        day = period.first - timedelta(days=1)
    return periods[::-1]
