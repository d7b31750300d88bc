"""A batch of checked events on its way into the ledger and the rollups."""

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple, TypeAlias


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


EventKey: TypeAlias = tuple[int, str, str]
"""What tells an event from all others: license, source, id."""


class Batch(NamedTuple):
    """Rows to write, each key once; which of their series are levels; the present day of each license, of which
    all earlier days are late; and the writer's shard of the sums."""

    rows: Sequence[LedgerRow]
    levels: Set[int]
    today: Mapping[int, int]
    shard: int
