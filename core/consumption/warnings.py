"""Warnings of exceeded limits, shown in the applications that they concern for as long as they last."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from allowance import Enforcement, Meter
from allowance.meter import in_words

from core.consumption.readings.status import UsageStatus
from core.consumption.view import ConsumptionView, ReadingView


@dataclass(frozen=True, slots=True)
class Notice:
    """An exceeded limit, for one application. `since` is the time at which a refresh found it exceeded."""

    meter: Meter
    application: str
    status: UsageStatus
    used: Decimal
    limit: Decimal
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Warnings:
    """The warnings of a license; there are no notices if its contract turns warnings off."""

    enabled: bool
    notices: tuple[Notice, ...]

    @property
    def halo(self) -> bool:
        """True if any limit is exceeded: the account icon and "My consumption" show a red halo."""
        return bool(self.notices)


def warnings_of(view: ConsumptionView) -> Warnings:
    """Return the warnings of a consumption, by the contract of its day."""
    version = view.license.version_on(view.day or view.license.today)
    enabled = version is not None and version.warnings
    if not enabled:
        return Warnings(enabled=False, notices=())
    exceeded = (
        one for section in view.sections for one in section.readings if one.reading.status is UsageStatus.EXCEEDED
    )
    return Warnings(enabled=True, notices=tuple(notice for one in exceeded for notice in _notices(one)))


def _notices(view: ReadingView) -> list[Notice]:
    meter, reading = view.meter, view.reading
    if reading.used is None or reading.limit is None or reading.measured_at is None:
        return []
    crossed = [threshold.crossed_at for threshold in reading.thresholds if threshold.status is UsageStatus.EXCEEDED]
    since = next((at for at in crossed if at), reading.measured_at)
    message = f"{meter.title}: {in_words(reading.used)} of {in_words(reading.limit)} {meter.unit} used. {_effect(view)}"
    # A meter that concerns no application in particular is shown only by the halo, in a notice of no application.
    return [
        Notice(meter, application, reading.status, reading.used, reading.limit, message, since)
        for application in meter.applications or ("",)
    ]


def _effect(view: ReadingView) -> str:
    """Return the effect of the exceeded limit, in words for people."""
    meter, reading = view.meter, view.reading
    if meter.enforcement is Enforcement.HARD:
        refused = f"{in_words(reading.refused)} refused in this period. " if reading.refused else ""
        return f"{refused}{'Places are free again.' if reading.remaining else 'New ones are refused.'}"
    owed = reading.stated_overage
    unpaid = f" No grant paid for {in_words(owed)} {meter.unit}." if owed else ""
    return f"New actions take it further over the limit.{unpaid}"
