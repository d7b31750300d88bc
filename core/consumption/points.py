"""A reading as history keeps it: what was used, the limit, and the status, as short as can be.

An entry is ``[used, limit, status]``, or ``[used, limit]`` where the status is OK. ``[used]`` leaves out what is as in
the entry before on the same day of the license, and ``[]`` says that nothing changed. So the first entry of a day is
always whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from core.consumption.readings.status import UsageStatus

PointDelta: TypeAlias = Sequence[Any]
"""See above. Numbers are texts, or integers where these are short."""

_LETTERS: Final = {status.value: status.value[0] for status in UsageStatus}
_STATUSES: Final = {status.value[0]: status for status in UsageStatus}
_OK: Final = UsageStatus.OK.value
_WHOLE: Final = 2
_SHORT: Final = 15
"""Digits that an integer of JSON holds everywhere."""


@dataclass(frozen=True, slots=True)
class Point:
    """A reading as it stood at a time."""

    at: datetime
    used: Decimal | None
    limit: Decimal | None
    status: UsageStatus


def point_delta(document: Mapping[str, Any], before: Mapping[str, Any] | None) -> PointDelta:
    """The entry of a reading's document; `before` is the document of the same day's entry before, if there is one."""
    used, limit, status = document.get("used"), document.get("limit"), document["status"]
    if before is not None and before.get("limit") == limit and before["status"] == status:
        return [] if before.get("used") == used else [_number(used)]
    return [_number(used), _number(limit)] if status == _OK else [_number(used), _number(limit), _LETTERS[status]]


def expand(entry: PointDelta, before: PointDelta | None) -> PointDelta | None:
    """The entry with what it leaves out; None where that is not known."""
    if len(entry) >= _WHOLE:
        return entry
    return None if before is None else merge(before, entry)


def merge(earlier: PointDelta, later: PointDelta) -> PointDelta:
    """One entry that says what two in a row say."""
    return later if len(later) >= _WHOLE else [*later, *earlier[len(later) :]]


def point_of(at: datetime, entry: PointDelta) -> Point:
    """The point of a whole entry."""
    used, limit, *letter = entry
    return Point(at, _decimal(used), _decimal(limit), _STATUSES[letter[0]] if letter else UsageStatus.OK)


def _number(text: str | None) -> str | int | None:
    return int(text) if text is not None and len(text) <= _SHORT and text.isdigit() else text


def _decimal(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
