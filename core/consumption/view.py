"""The consumption of a license as people see it: sections of readings, with a status and an update time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from allowance import Admission, Enforcement, Meter, Section

from core.consumption.readings.judged_reading import NEVER_MEASURED, JudgedReading, Problem, worst_status
from core.consumption.readings.status import UsageStatus, worst
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
NO_CONTRACT: Final = "NO_CONTRACT"
"""The code of the problem that no contract is in force."""


class Freshness(StrEnum):
    """FRESH: as new as its meter promises. STALE: its refresh failed or is overdue. NEVER: not measured yet."""

    FRESH = "FRESH"
    STALE = "STALE"
    NEVER = "NEVER"


@dataclass(frozen=True, slots=True)
class ReadingView:
    """A reading with its meter, of a license, now or as of the end of a day."""

    license: LoadedLicense
    day: date | None
    meter: Meter
    reading: JudgedReading
    freshness: Freshness

    @property
    def is_limited(self) -> bool:
        """True if the limit of the reading has an effect, so that its utilization tells how full the license is."""
        return self.meter.enforcement is not Enforcement.NONE


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section with its readings."""

    license: LoadedLicense
    day: date | None
    section: Section
    readings: tuple[ReadingView, ...]

    @property
    def status(self) -> UsageStatus:
        """The worst status of the readings that are parts of the section; see :func:`worst_status`."""
        return worst_status(view.reading for view in self.readings)

    @property
    def freshness(self) -> Freshness:
        """NEVER if no reading was ever measured, STALE if any is, else FRESH."""
        return _joint_freshness(view.freshness for view in self.readings)

    @property
    def problem(self) -> Problem | None:
        """The oldest problem of the readings, or None if the last refresh of all of them succeeded."""
        problems = (view.reading.problem for view in self.readings if view.reading.problem)
        return min(problems, key=lambda problem: problem.since, default=None)

    @property
    def updated_at(self) -> datetime | None:
        """The time of the latest update of any reading, or None if there was none."""
        return max((view.reading.measured_at for view in self.readings if view.reading.measured_at), default=None)

    @property
    def next_update_at(self) -> datetime | None:
        """The time at which the first of the readings is due, or None if none was ever measured."""
        return min((view.reading.due_at for view in self.readings if view.reading.due_at), default=None)

    @property
    def consumption_since(self) -> datetime | None:
        """The start of the period of the readings, or None if no meter of the section counts over a period.

        It is the newest start if the readings are of several periods, and that of the contract in force if no reading
        was measured.
        """
        counting = [view.reading for view in self.readings if view.meter.counts_over_period]
        if not counting:
            return None
        starts = [reading.period.starts_at for reading in counting if reading.period]
        return max(starts) if starts else self.license.period_on(self.day or self.license.today).starts_at


@dataclass(frozen=True, slots=True)
class ConsumptionView:
    """The sections of a license that have meters. `day` is None for the current consumption."""

    license: LoadedLicense
    day: date | None
    version: int
    sections: tuple[SectionView, ...]
    stale_at: datetime
    """The time at which the next reading turns stale, unless it is refreshed before."""

    @property
    def status(self) -> UsageStatus:
        """The worst status of the sections."""
        return worst(section.status for section in self.sections)

    @property
    def freshness(self) -> Freshness:
        """NEVER if no reading was ever measured, STALE if any is, else FRESH.

        Hard quotas are counted at each look, and do not tell when the license was refreshed.
        """
        readings = [view for section in self.sections for view in section.readings]
        refreshed = [view for view in readings if not isinstance(view.meter, Admission)]
        return _joint_freshness(view.freshness for view in refreshed or readings)

    @property
    def utilization(self) -> Decimal | None:
        """The highest utilization of a reading whose limit has an effect; None if no reading has a limit above 0."""
        readings = (view.reading for section in self.sections for view in section.readings if view.is_limited)
        parts = ((reading.used, reading.limit) for reading in readings)
        return max((used / limit for used, limit in parts if used is not None and limit), default=None)

    @property
    def problem(self) -> Problem | None:
        """The problem that no contract is in force on the day, so that nothing is judged; None if a contract is."""
        since = self.license.without_contract_since(self.day or self.license.today)
        if since is None:
            return None
        return Problem(NO_CONTRACT, "No contract is in force: usage is compared with no limit.", since)

    @property
    def updated_at(self) -> datetime | None:
        """The oldest update of the sections that were updated, or None if no section was."""
        return min((time for section in self.sections if (time := section.updated_at)), default=None)


def view_consumption(
    license: LoadedLicense,
    readings: Mapping[str, JudgedReading],
    version: int,
    registry: Registry,
    now: datetime,
    day: date | None = None,
) -> ConsumptionView:
    """Group the readings by the installed sections and meters; a meter that was never measured is UNKNOWN."""
    stale_at = _NEVER
    by_section: dict[str, list[ReadingView]] = {key: [] for key in registry.sections}
    for key, meter in registry.meters.items():
        reading = readings.get(key, NEVER_MEASURED)
        # A reading that is late by a whole interval is not waiting in a queue: no worker runs.
        overdue_at = _NEVER if day or reading.due_at is None else reading.due_at + meter.every
        if overdue_at >= now:
            stale_at = min(stale_at, overdue_at)
        freshness = _freshness(reading, overdue=now > overdue_at)
        by_section[meter.section].append(ReadingView(license, day, meter, reading, freshness))
    sections = tuple(
        SectionView(license, day, registry.sections[key], tuple(views)) for key, views in by_section.items() if views
    )
    return ConsumptionView(license, day, version, sections, stale_at)


def _joint_freshness(parts: Iterable[Freshness]) -> Freshness:
    measured = set(parts) - {Freshness.NEVER}
    if not measured:
        return Freshness.NEVER
    return Freshness.STALE if Freshness.STALE in measured else Freshness.FRESH


def _freshness(reading: JudgedReading, *, overdue: bool) -> Freshness:
    if reading.measured_at is None:
        return Freshness.NEVER
    return Freshness.STALE if reading.problem or overdue else Freshness.FRESH
