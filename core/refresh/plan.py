"""The plan of a refresh: the questions to the meters, and all that was loaded to ask them. Immutable records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from core.consumption.snapshots import StoredSnapshot
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import LoadedUsage
from core.measuring.measure import MeterQuestion
from core.usage.tables import LateUsage


@dataclass(frozen=True, slots=True)
class Moment:
    """The time at which a license is measured: now, or the end of a past day."""

    license: LoadedLicense
    at: datetime
    past: bool


class PlannedQuestion(NamedTuple):
    """A question to a meter, and the moment that the question is about."""

    moment: Moment
    question: MeterQuestion


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of a refresh, and the state of the licenses when they were planned. Mappings are by license id."""

    now: datetime
    licenses: Mapping[int, LoadedLicense]
    snapshots: Mapping[int, StoredSnapshot]
    late_usage: Mapping[int, LateUsage]
    usage: Mapping[int, LoadedUsage]
    planned: tuple[PlannedQuestion, ...]

    @property
    def questions(self) -> list[MeterQuestion]:
        """The questions alone, in order, as the measurer takes them."""
        return [planned.question for planned in self.planned]
