"""A cache that API keys share, in which none takes more than its share.

cachetools was weighed: its caches are bounded in all, so that one key could fill a cache and push out all others.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Entry(NamedTuple, Generic[V]):
    value: V
    size: int
    owner: str


class SharedCache(Generic[K, V]):
    """A cache of the values that were used last. Not thread-safe: callers lock.

    A value belongs to the key that brought it first, and serves all.
    """

    def __init__(self, most: int, share: int, size: Callable[[V], int]) -> None:
        """Create an empty cache.

        Args:
            most: The largest size of all values.
            share: The largest size of the values of one owner.
            size: Returns the size of a value.
        """
        self._most, self._share, self._size = most, min(share, most), size
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._of_owner: dict[str, OrderedDict[K, None]] = {}
        self._used: dict[str, int] = {}
        self._total = 0

    def get(self, key: K) -> V | None:
        """Return a value, or None if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        self._of_owner[entry.owner].move_to_end(key)
        return entry.value

    def put(self, key: K, value: V, owner: str) -> None:
        """Keep a value, in place of those that were not used for longest. A value larger than a share is not kept."""
        self._drop(key)
        size = self._size(value)
        if size > self._share:
            return
        while self._used.get(owner, 0) + size > self._share:
            self._drop(next(iter(self._of_owner[owner])))
        while self._total + size > self._most:
            self._drop(next(iter(self._entries)))
        self._entries[key] = _Entry(value, size, owner)
        self._of_owner.setdefault(owner, OrderedDict())[key] = None
        self._used[owner] = self._used.get(owner, 0) + size
        self._total += size

    def used_by(self, owner: str) -> int:
        """Return the size of the values of an owner."""
        return self._used.get(owner, 0)

    def _drop(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._total -= entry.size
        self._used[entry.owner] -= entry.size
        del self._of_owner[entry.owner][key]
        if not self._of_owner[entry.owner]:
            del self._of_owner[entry.owner], self._used[entry.owner]
