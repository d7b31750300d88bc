"""What admission asks of a database. Each database has its own statements, for the same questions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from core.admission.back_off import BackOff
from core.admission.quota import Quota
from core.times import instant, microseconds


class Record(NamedTuple):
    """What is kept of an installation, times in microseconds; see :class:`core.admission.tables.Installation`."""

    place: int | None
    seen: int | None
    refused_at: int | None
    retry_at: int | None

    def has_place_in(self, quota: Quota) -> bool:
        """A place in a window that began after this one counts: the call was under way when that one began."""
        return self.place is not None and self.place >= quota.starts_at

    def backing_off(self, now: datetime) -> BackOff | None:
        if self.refused_at is None or self.retry_at is None or self.retry_at <= microseconds(now):
            return None
        return BackOff(instant(self.refused_at), instant(self.retry_at))


@dataclass(frozen=True, slots=True)
class AdmitResult:
    """Who got a place now, who has one already, and how many places are taken after that, of how many."""

    admitted: frozenset[bytes]
    known: frozenset[bytes]
    used: int
    places: int | None

    @property
    def full(self) -> bool:
        return self.places is not None and self.used >= self.places


class Candidates(NamedTuple):
    """Who wants a place of a quota, in their order: identifiers by digest, None for those kept as digests alone."""

    quota: Quota
    given: Mapping[bytes, str | None]


Key = tuple[int, str, bytes]
"""License id, meter, digest."""


class Store(Protocol):
    """The statements. Each call is a transaction of its own, so that nobody waits for a caller to think."""

    def find(self, connection: Connection, keys: Sequence[Key]) -> list[Record | None]:
        """What is kept of each."""

    def versions(self, connection: Connection, license_ids: Collection[int]) -> dict[int, int]:
        """The newest contract version of each license; those without any are left out."""

    def admit(self, connection: Connection, asked: Sequence[Candidates], now: datetime) -> list[AdmitResult | None]:
        """Give places to those who have none, in their order, as long as there are any. They are on disk then.

        Who is in neither set of its license's answer found no place, or asks again: somebody else may have been
        quicker. None where the license has a contract version that its quota knows nothing of.
        """

    def refuse(self, connection: Connection, quota: Quota, digests: Sequence[bytes], back_off: BackOff) -> set[bytes]:
        """Keep that they were refused; those for whom it is so now. The others have a place, or back off already."""

    def flush(self, connection: Connection) -> None:
        """Wait until the places that other processes gave just now are on disk: a crash must not take what was told."""

    def touch(self, connection: Connection, keys: Sequence[Key], now: datetime) -> None:
        """Keep that they were seen now, as far as nobody else does."""
