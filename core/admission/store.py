"""The statements that check-ins need from a database; each database has its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from core.admission.back_off import BackOff, back_off
from core.admission.quota import Quota
from core.times import instant, microseconds

InstallationKey = tuple[int, str, bytes]
"""The key of an installation's row: license id, meter key, digest of the identifier."""


class InstallationState(NamedTuple):
    """The stored state of an installation, times in microseconds; see :class:`core.admission.tables.Installation`."""

    place: int | None
    seen: int | None
    refused_at: int | None
    retry_at: int | None

    def has_place_in(self, quota: Quota) -> bool:
        """Return whether the installation has a place in the quota's window.

        A place in a later window counts as well: the check-in was under way when that window began.
        """
        return self.place is not None and self.place >= quota.starts_at

    def backing_off(self, now: datetime) -> BackOff | None:
        """Return the back-off of the last refusal while it lasts, or None."""
        if self.refused_at is None or self.retry_at is None or self.retry_at <= microseconds(now):
            return None
        return BackOff(instant(self.refused_at), instant(self.retry_at))

    def backing_off_from(self, quota: Quota, now: datetime) -> BackOff | None:
        """Return the back-off of the last refusal from a quota while it lasts, or None.

        A contract may have shortened the window or the back-off since the refusal. The shorter time holds.
        """
        stored = self.backing_off(now)
        if stored is None or stored.refused_at < quota.window.start:
            return None
        retry_at = min(stored.retry_at, back_off(stored.refused_at, quota.window, quota.terms).retry_at)
        return BackOff(stored.refused_at, retry_at) if now < retry_at else None


class AdmitRequest(NamedTuple):
    """Installations that request a place of a quota, in the order in which they came.

    `identifiers` are the identifiers to store, by digest; None if only the digest is stored.
    """

    quota: Quota
    identifiers: Mapping[bytes, str | None]


@dataclass(frozen=True, slots=True)
class AdmitResult:
    """The outcome of an :class:`AdmitRequest`, by digest.

    `admitted` got a place now, `known` had one. `used` of `places` are taken after that; `places` is None without a
    quota.
    """

    admitted: frozenset[bytes]
    known: frozenset[bytes]
    used: int
    places: int | None

    @property
    def full(self) -> bool:
        """True if no place is left."""
        return self.places is not None and self.used >= self.places


class RefuseResult(NamedTuple):
    """The digests for which a refusal was recorded, and whether these are the first refusals of the window."""

    digests: frozenset[bytes]
    is_first: bool


class Store(Protocol):
    """The statements of a database. Each call is a transaction of its own, so that no lock outlasts a call."""

    def find(self, connection: Connection, keys: Sequence[InstallationKey]) -> list[InstallationState | None]:
        """Return the stored state of each installation, None if there is none."""

    def revisions(self, connection: Connection, license_ids: Collection[int]) -> dict[int, int]:
        """Return the revision of each license."""

    def admit(
        self, connection: Connection, requests: Sequence[AdmitRequest], now: datetime
    ) -> list[AdmitResult | None]:
        """Give places to the installations that have none, in their order, while places are left.

        The places are on disk when this returns.

        Returns:
            A result for each request; None if the license has another revision than the quota. An
            installation that is in neither set of its result found no place, or another process was quicker: it
            requests again.
        """

    def refuse(self, connection: Connection, quota: Quota, digests: Sequence[bytes], back_off: BackOff) -> RefuseResult:
        """Record the refusal of installations. Installations that have a place, or back off already, are left out."""

    def flush(self, connection: Connection) -> None:
        """Wait until the places that other processes gave are on disk, so that no crash takes back an answer."""

    def mark_seen(self, connection: Connection, keys: Sequence[InstallationKey], now: datetime) -> None:
        """Set the time of the last check-in, except for rows that another transaction holds."""
