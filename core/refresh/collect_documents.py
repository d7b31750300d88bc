"""The documents of a refresh: new readings, and the stored readings of meters that failed with their problem. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from core.consumption.readings.documents import NEVER_MEASURED_DOCUMENT, Document, encode_reading, with_problem
from core.consumption.readings.judged_reading import Problem
from core.consumption.snapshots import StoredSnapshot
from core.refresh.judge import NewReading
from core.refresh.match_answers import FailedMeasurement

RETRY: Final = timedelta(hours=1)
"""A meter that failed is measured again after this time, unless it is due sooner."""

Documents: TypeAlias = Mapping[int, Mapping[str, Document]]
"""Documents by license id and meter."""


def collect_documents(
    readings: Sequence[NewReading], failed: Sequence[FailedMeasurement], turns: Mapping[int, datetime]
) -> Documents:
    """Return the documents of the readings of now, and of the failures to measure now.

    A failure to measure a past day changes no document.
    """
    documents: dict[int, dict[str, Document]] = defaultdict(dict)
    for measured, reading, _ in readings:
        documents[measured.moment.license.id][measured.question.meter.key] = encode_reading(reading)
    for moment, question, failure, stored in failed:
        if not moment.past:
            license_id, meter = moment.license.id, question.meter
            due = min(max(failure.retry_at or moment.at + min(meter.every, RETRY), moment.at), turns[license_id])
            problem = Problem(failure.code, failure.message, moment.at)
            documents[license_id][meter.key] = with_problem(stored, problem, due)
    return documents


def merge_documents(snapshots: Mapping[int, StoredSnapshot], new: Documents, meters: Collection[str]) -> Documents:
    """Return whole snapshots: of each meter the new document, else the stored one, else an unknown reading."""
    return {
        license_id: {
            meter: documents.get(meter) or snapshot.readings.get(meter, NEVER_MEASURED_DOCUMENT) for meter in meters
        }
        for license_id, snapshot in snapshots.items()
        for documents in [new.get(license_id, {})]
    }
