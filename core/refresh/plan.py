"""The plan of a refresh: the questions to the meters, and all that was loaded to ask them. Immutable records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.consumption.snapshots import StoredSnapshot
from core.forecast.day_ends import DayEnds
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import LoadedUsage
from core.measuring.measure import MeterQuestion
from core.usage.tables import LateUsage


@dataclass(frozen=True, slots=True)
class Moment:
    """The questions to the meters of a license about a time: now, or the end of a past day."""

    license: LoadedLicense
    at: datetime
    past: bool
    questions: Sequence[MeterQuestion]


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """The questions of a refresh, and the state of the licenses when they were planned. Mappings are by license id.

    `times` are the times of measurement: `now`, or the time of the last reading if a worker whose clock is ahead
    measured the license, so that the times of a license never run backwards. `outdated` are the meters whose outlooks
    are to be made again, with the stamps of the new ones, and `day_ends` the history that these are made from.
    """

    now: datetime
    times: Mapping[int, datetime]
    licenses: Mapping[int, LoadedLicense]
    snapshots: Mapping[int, StoredSnapshot]
    late_usage: Mapping[int, LateUsage]
    usage: Mapping[int, LoadedUsage]
    moments: Sequence[Moment]
    outdated: Mapping[int, Mapping[str, str]]
    day_ends: Mapping[int, DayEnds]

    @property
    def questions(self) -> list[MeterQuestion]:
        """The questions of all moments, in order, as the measurer takes them."""
        return [question for moment in self.moments for question in moment.questions]
