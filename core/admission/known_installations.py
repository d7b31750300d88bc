"""The installations with a place that a process knows without a query."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from core.admission.batch_queue import BatchQueue
from core.admission.place_cache import CachedPlace, PlaceCache
from core.admission.quota_state import QuotaState
from core.admission.store import InstallationKey, Store
from core.database.engine import Database
from core.times import instant

logger = logging.getLogger(__name__)

MAX_UNWRITTEN: Final = 200_000
"""Installations whose check-in of today waits to be written; more are left out until their next check-in."""
_WRITE_SECONDS: Final = 1.0


class KnownInstallations:
    """Places that this process gave or read. Thread-safe.

    The first check-in of a day is written to the database, with all others of the same second.
    """

    def __init__(self, database: Database, store: Store, size: int) -> None:
        """Create an empty memory for about `size` installations."""
        self._database: Final = database
        self._store: Final = store
        self._cache: Final = PlaceCache(size)
        self._seen: Final = BatchQueue(
            "check-in-seen", database, self._write_seen, self._log_failure, pause=_WRITE_SECONDS
        )

    def find(self, digest: bytes) -> CachedPlace | None:
        """Return the place of an installation in any window, if this process remembers the installation."""
        return self._cache.get(digest)

    def is_known(self, key: InstallationKey, state: QuotaState, now: datetime) -> bool:
        """Return whether an installation has a place in the present window, as far as this process knows.

        An installation that counts as lost is looked up in the database, where it is counted. So is every installation
        of a license whose places were freed meanwhile: its own place may be among them.
        """
        cached = self._cache.get(key[2])
        today = now.toordinal()
        if cached is None or cached.starts_at < state.quota.starts_at or cached.generation != state.generation:
            return False
        if cached.seen_on < today - state.quota.terms.lost_after_days:
            return False
        if cached.seen_on < today:
            self.remember(key, CachedPlace(state.quota.starts_at, today, state.generation), None, now)
        return True

    def remember(self, key: InstallationKey, place: CachedPlace, seen: int | None, now: datetime) -> None:
        """Remember an installation with a place, and write its check-in unless today's is in the database.

        Args:
            key: The key of the installation's row.
            place: Its place, seen today.
            seen: The last check-in in the database, in microseconds; None if it is not known to be of today.
            now: The time of the check-in.
        """
        self._cache.put(key[2], place)
        if (seen is None or instant(seen).date() < now.date()) and len(self._seen) < MAX_UNWRITTEN:
            self._seen.put([(key, now)])

    def remember_admitted(self, digests: Iterable[bytes], place: CachedPlace) -> None:
        """Remember installations whose check-in was written with their place."""
        for digest in digests:
            self._cache.put(digest, place)

    def close(self) -> None:
        """Write the check-ins that are not written yet, and end."""
        self._seen.close()

    def _write_seen(self, connection: Connection, batch: Sequence[tuple[InstallationKey, datetime]]) -> None:
        self._store.mark_seen(connection, [key for key, _ in batch], max(now for _, now in batch))

    def _log_failure(self, batch: Sequence[tuple[InstallationKey, datetime]], error: Exception) -> None:
        if not self._database.has_outage:
            logger.warning("the last check-in of %d installations could not be written: %s", len(batch), error)
