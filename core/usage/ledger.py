"""The rows of a batch on the way into the ledger and the rollups."""

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple, TypeAlias


class LedgerRow(NamedTuple):
    """An event with the columns of the ledger.

    `time` is in microseconds since 1970. `day` counts the days since 1970 in the license's time zone.
    """

    license_id: int
    source: str
    id: str
    series_id: int
    time: int
    day: int
    whole: int
    nanos: int


EventKey: TypeAlias = tuple[int, str, str]
"""The key of an event: license id, source, id."""


class Batch(NamedTuple):
    """Rows to write, each key once.

    `levels` are the series that are levels, `spending` those that spend credits. `arrived` is the time of arrival in
    microseconds since 1970. `today` is the present day of each license; usage of earlier days is late. `shard` is the
    writer's shard of the sums. Events of a time before `permanent_before`, in microseconds since 1970, are kept for
    ever; None outside of a backfill.
    """

    rows: Sequence[LedgerRow]
    levels: Set[int]
    spending: Set[int]
    arrived: int
    today: Mapping[int, int]
    shard: int
    permanent_before: int | None


def has_earlier_levels(batch: Batch) -> bool:
    """Return whether there are levels of days before today."""
    return any(row.series_id in batch.levels and row.day < batch.today[row.license_id] for row in batch.rows)
