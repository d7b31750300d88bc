"""A batch of checked events on its way into the ledger and the rollups."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import Connection

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class LedgerRow(NamedTuple):
    """An event as the ledger holds it, in the order of its columns.

    `time` is in microseconds since 1970, `day` in days since then, in the license's time zone.
    """

    license_id: int
    source: str
    id: str
    series_id: int
    time: int
    day: int
    whole: int
    nanos: int
    digest: bytes


EventKey: TypeAlias = tuple[int, str, str]
"""What tells an event from all others: license, source, id."""

Write: TypeAlias = Callable[
    [Connection, Sequence[LedgerRow], Collection[int], Mapping[int, int], int], set[EventKey] | None
]
"""Writes the rows that the ledger does not hold yet, and rolls them up; their keys, or None where all were new.

Takes the rows in the order of their keys, the series that are levels, the present day of each license, of which
all earlier days are late, and the writer's shard of the sums.
"""
