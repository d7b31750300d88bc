"""The codec of history: a reading at a time as a short JSON array.

An entry is ``[used, limit, status]``, or ``[used, limit]`` if the status is OK. An entry ``[used]`` has the limit and
status of the entry before it on the same day of the license, and ``[]`` equals the entry before. So the first entry of
a day is always whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from core.consumption.readings.judged_reading import JudgedReading, UsageAgainstLimit
from core.consumption.readings.status import UsageStatus
from core.right_of_way import give_way

PointDelta: TypeAlias = Sequence[Any]
"""An entry as described above. Numbers are texts, or integers where these are short."""

_LETTERS: Final = {status: status.value[0] for status in UsageStatus}
_STATUSES: Final = {letter: status for status, letter in _LETTERS.items()}
_OK: Final = UsageStatus.OK
_WHOLE: Final = 2
_SHORT: Final = 15
"""Digits that an integer of JSON holds everywhere."""


@dataclass(frozen=True, slots=True)
class Point:
    """A reading at a time of the past."""

    at: datetime
    used: Decimal | None
    limit: Decimal | None
    status: UsageStatus


def point_delta(reading: JudgedReading | UsageAgainstLimit, before: UsageAgainstLimit | None) -> PointDelta:
    """Return the entry of a reading.

    Args:
        reading: The reading.
        before: The reading of the entry before it on the same day, or None if there is no such entry.
    """
    status, used, limit = reading.status, reading.used, reading.limit
    if before is not None and before.limit == limit and before.status is status:
        return [] if before.used == used else [_number(used)]
    return [_number(used), _number(limit)] if status is _OK else [_number(used), _number(limit), _LETTERS[status]]


def is_whole(entry: PointDelta) -> bool:
    """Return whether the entry leaves nothing out."""
    return len(entry) >= _WHOLE


def expand(entry: PointDelta, before: PointDelta | None) -> PointDelta | None:
    """Return the whole entry, or None if it leaves out what no entry before it holds."""
    if is_whole(entry):
        return entry
    return None if before is None else merge(before, entry)


def expand_rows(
    rows: Iterable[tuple[datetime, Mapping[str, PointDelta]]],
) -> Iterator[tuple[datetime, dict[str, PointDelta]]]:
    """Yield rows of one license with whole entries, without those that leave out what no row before them holds.

    Args:
        rows: The times and the entries by meter of consecutive rows, oldest first.
    """
    before: dict[str, PointDelta] = {}
    for at, entries in rows:
        give_way()
        whole = {meter: full for meter, entry in entries.items() if (full := expand(entry, before.get(meter)))}
        before |= whole
        yield at, whole


def points_by_meter(rows: Iterable[tuple[datetime, Mapping[str, PointDelta]]]) -> dict[str, list[Point]]:
    """Return the points of rows of one license by meter, oldest first as the rows are."""
    points: dict[str, list[Point]] = defaultdict(list)
    for at, entries in expand_rows(rows):
        for meter, entry in entries.items():
            points[meter].append(point_of(at, entry))
    return points


def merge(earlier: PointDelta, later: PointDelta) -> PointDelta:
    """Merge two consecutive entries into one."""
    return later if len(later) >= _WHOLE else [*later, *earlier[len(later) :]]


def point_of(at: datetime, entry: PointDelta) -> Point:
    """Return the point of a whole entry."""
    used, limit, *letter = entry
    return Point(at, _decimal(used), _decimal(limit), _STATUSES[letter[0]] if letter else _OK)


def used_in(entry: PointDelta) -> float | None:
    """Return the usage of a whole entry as a float, for statistics over many entries; None if there is none."""
    return None if entry[0] is None else float(entry[0])


def _number(number: Decimal | None) -> str | int | None:
    text = None if number is None else str(number)
    return int(text) if text is not None and len(text) <= _SHORT and text.isdigit() else text


def _decimal(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
