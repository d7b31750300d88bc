"""The codec of stored outlooks: the only module that knows their JSON. Records are arrays, times and days are text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias

from core.forecast.outlook import Accuracy, Outlook, OutlookPoint

OutlookDocument: TypeAlias = Sequence[Any]
"""An array, which the merge of JSON documents in SQLite replaces as a whole."""

_FIELDS: Final = len(OutlookPoint._fields)


class GrantTerms(NamedTuple):
    """A grant of credits as an outlook knows it. What is left of it is in the reading, once it has begun."""

    id: str
    amount: float
    begins_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class MeterOutlook:
    """The outlook of a meter of a license, as it is stored; `outlook` is None if too little history is known.

    `grants` are those that a meter of credits spends, also those of the future.
    """

    computed_at: datetime
    outlook: Outlook | None
    grants: tuple[GrantTerms, ...] = ()


def encode_outlook(stored: MeterOutlook) -> OutlookDocument:
    """Return the document of an outlook, with six digits of each number: no forecast is as exact."""
    outlook = stored.outlook
    if outlook is None:
        return [stored.computed_at.isoformat()]
    return [
        stored.computed_at.isoformat(),
        *(day.isoformat() for day in (outlook.day, outlook.until, outlook.since)),
        list(map(_short, chain.from_iterable(outlook.points))),
        None if outlook.accuracy is None else [*outlook.accuracy],
        [
            [key, amount, begins_at.isoformat(), None if expires_at is None else expires_at.isoformat()]
            for key, amount, begins_at, expires_at in stored.grants
        ],
    ]


def decode_outlook(document: OutlookDocument) -> MeterOutlook:
    """Return the outlook of a document."""
    computed_at, *rest = document
    if not rest:
        return MeterOutlook(datetime.fromisoformat(computed_at), None)
    day, until, since, points, accuracy, grants = rest
    outlook = Outlook(
        date.fromisoformat(day),
        date.fromisoformat(until),
        date.fromisoformat(since),
        tuple(OutlookPoint(*points[index : index + _FIELDS]) for index in range(0, len(points), _FIELDS)),
        None if accuracy is None else Accuracy(*accuracy),
    )
    terms = tuple(
        GrantTerms(
            key,
            amount,
            datetime.fromisoformat(begins_at),
            None if expires_at is None else datetime.fromisoformat(expires_at),
        )
        for key, amount, begins_at, expires_at in grants
    )
    return MeterOutlook(datetime.fromisoformat(computed_at), outlook, terms)


def _short(number: float) -> float:
    return number if number == int(number) else float(f"{number:.6g}")
