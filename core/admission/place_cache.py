"""A bounded cache of places. An entry stays true until places of its license are freed: then the generation changes."""

from typing import Final, NamedTuple


class CachedPlace(NamedTuple):
    """A place in a quota window.

    `starts_at` is the start of the window in microseconds. `seen_on` is the day of the last check-in, as the ordinal
    of a date. `generation` is the register's when the place was read or given.
    """

    starts_at: int
    seen_on: int
    generation: int


class PlaceCache:
    """Places by digest: about the last `size` installations that checked in. Thread-safe.

    Entries are held in two generations. A look-up moves its entry to the young generation. When the young generation
    is full, it replaces the old one. An exact order (as of cachetools' LRUCache) would need a lock for each look-up.
    """

    def __init__(self, size: int) -> None:
        """Create an empty cache."""
        self._size: Final = max(size // 2, 1)
        self._young: dict[bytes, CachedPlace] = {}
        self._old: dict[bytes, CachedPlace] = {}

    def __len__(self) -> int:
        """Return the number of installations in the cache."""
        return len(self._young.keys() | self._old.keys())

    def get(self, digest: bytes) -> CachedPlace | None:
        """Return the place of an installation, or None if the cache does not hold it."""
        place = self._young.get(digest)
        if place is None and (place := self._old.get(digest)) is not None:
            self.put(digest, place)
        return place

    def put(self, digest: bytes, place: CachedPlace) -> None:
        """Add or replace the place of an installation."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[digest] = place
