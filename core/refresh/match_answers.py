"""The matching of answers with the questions of a plan. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from allowance import Reading

from core.consumption.readings.documents import Document, measured_at
from core.consumption.snapshots import StoredSnapshot
from core.measuring.measure import Failure, MeterQuestion
from core.refresh.plan import Moment, RefreshPlan


class Measurement(NamedTuple):
    """The reading of a meter at a moment, and the stored reading of the meter with its time, if there is one."""

    moment: Moment
    question: MeterQuestion
    reading: Reading
    stored: Document | None
    stored_at: datetime | None


class FailedMeasurement(NamedTuple):
    """The failure of a meter at a moment, and the stored reading of the meter, if there is one."""

    moment: Moment
    question: MeterQuestion
    failure: Failure
    stored: Document | None


@dataclass(frozen=True, slots=True)
class Measurements:
    """The answers of a refresh: readings of now, readings of past days, and failures of either."""

    current: Sequence[Measurement]
    past: Sequence[Measurement]
    failed: Sequence[FailedMeasurement]


def match_answers(
    plan: RefreshPlan,
    answers: Sequence[Reading | Failure],
    snapshots: Mapping[int, StoredSnapshot],
    superseded: Collection[int],
) -> Measurements:
    """Match the answers with their questions, and sort them.

    Args:
        plan: The plan of the refresh.
        answers: The answer to each question of the plan, in the same order.
        snapshots: The stored snapshots of the licenses as they are now.
        superseded: The licenses of which another refresh was saved meanwhile. Their answers are left out.
    """
    current: list[Measurement] = []
    past: list[Measurement] = []
    failed: list[FailedMeasurement] = []
    remaining = iter(answers)
    for moment in plan.moments:
        documents, measured = snapshots[moment.license.id].readings, past if moment.past else current
        of_moment = list(islice(remaining, len(moment.questions)))
        if moment.license.id in superseded:
            continue
        for question, answer in zip(moment.questions, of_moment, strict=True):
            stored = documents.get(question.meter.key)
            if isinstance(answer, Failure):
                failed.append(FailedMeasurement(moment, question, answer, stored))
            else:
                measured.append(Measurement(moment, question, answer, stored, measured_at(stored)))
    return Measurements(current, past, failed)
