"""Warnings of exceeded limits, shown in the applications that they concern for as long as they last."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from allowance import Application, Enforcement, Meter

from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.status import UsageStatus
from core.consumption.view import ConsumptionView, ReadingView
from core.languages.words import Words


@dataclass(frozen=True, slots=True)
class Notice:
    """An exceeded limit, for one application. `since` is the time at which a refresh found it exceeded."""

    meter: Meter
    application: str
    status: UsageStatus
    used: Decimal
    limit: Decimal
    since: datetime
    reading: JudgedReading


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
    # A meter that concerns no application in particular is shown only by the halo, in a notice of no application.
    return [
        Notice(meter, application.key, reading.status, reading.used, reading.limit, since, reading)
        for application in meter.shown_in or (Application(""),)
    ]


def notice_in_words(notice: Notice, words: Words) -> str:
    """Return the text of a notice: the usage, the limit, and the effect of new actions."""
    unit = notice.meter.unit_forms
    figures = words.sentence(
        "%(title)s: %(used)s of %(limit)s used.",
        title=words.text(notice.meter.title),
        used=words.number(notice.used, unit),
        limit=words.amount(notice.limit, unit),
    )
    return f"{figures} {_effect(notice, words)}"


def _effect(notice: Notice, words: Words) -> str:
    """Return the effect of the exceeded limit, in words for people."""
    meter, reading = notice.meter, notice.reading
    if meter.enforcement is Enforcement.HARD:
        sentences = []
        if reading.refused:
            refused = words.number(reading.refused, meter.unit_forms)
            sentences.append(words.sentence("%(refused)s refused in this period.", refused=refused))
        sentences.append(words.sentence("Places are free again." if reading.remaining else "New requests are refused."))
        return " ".join(sentences)
    sentences = [words.sentence("New actions take it further over the limit.")]
    if owed := reading.stated_overage:
        sentences.append(
            words.sentence("The granted credits do not cover %(amount)s.", amount=words.amount(owed, meter.unit_forms))
        )
    return " ".join(sentences)
