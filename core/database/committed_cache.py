"""Memory of a process for rows that never change: what a transaction read is remembered once it has committed."""

from collections.abc import Collection, Hashable, Mapping
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlmodel import Session

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class CommittedCache(Generic[K, V]):
    """A cache of values by key for each database. A row that a transaction rolled back is never remembered."""

    def __init__(self, most: int) -> None:
        """Create the cache. It is emptied when it would hold more than `most` values of a database."""
        self._most = most
        self._values: WeakKeyDictionary[object, dict[K, V]] = WeakKeyDictionary()

    def find(self, session: Session, keys: Collection[K]) -> dict[K, V]:
        """Return the values of those keys that are remembered for the session's database."""
        known = self._values.setdefault(session.get_bind(), {})
        return {key: known[key] for key in keys if key in known}

    def remember(self, session: Session, values: Mapping[K, V]) -> None:
        """Remember values once the session's transaction has committed."""
        known = self._values.setdefault(session.get_bind(), {})

        def keep(_: Session) -> None:
            if len(known) + len(values) > self._most:
                known.clear()
            known.update(values)

        event.listen(session, "after_commit", keep, once=True)
