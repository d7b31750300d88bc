"""The rejection of events whose license does not exist, with the nearest license key."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from sqlmodel import Session, select

from core.licenses.tables import License
from core.nearest import did_you_mean
from core.text import shown
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.record_result import RecordResult

MAX_SUGGESTIONS: Final = 20
"""Events of one transaction that get a suggestion: each suggestion searches the keys of all licenses."""


def reject_unknown(event: UsageEvent) -> RejectedEvent:
    """Return the rejection of an event whose license does not exist."""
    return RejectedEvent(event.position, event.id, "UNKNOWN_LICENSE", f"No license {shown(event.license)}.")


def suggest_licenses(session: Session, results: Sequence[RecordResult]) -> list[RecordResult]:
    """Return the results with the nearest license key in the message of events whose license does not exist.

    The search reads the keys of all licenses. So it must not run in a transaction that others wait for.
    """
    unknown = ((number, *item) for number, result in enumerate(results) for item in result.unknown.items())
    first = list(islice(unknown, MAX_SUGGESTIONS))
    if not first:
        return list(results)
    keys = session.exec(select(License.key)).all()
    suggestions = {(number, position): did_you_mean(license, keys) for number, position, license in first}

    def with_suggestion(number: int, event: RejectedEvent) -> RejectedEvent:
        suggestion = suggestions.get((number, event.index))
        return replace(event, message=event.message + suggestion) if suggestion else event

    return [
        replace(result, rejected=[with_suggestion(number, event) for event in result.rejected])
        for number, result in enumerate(results)
    ]
