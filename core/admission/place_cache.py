"""Who has a place, as far as one process remembers: places are never taken away, so what it knows stays true."""

from typing import Final, NamedTuple


class Remembered(NamedTuple):
    """The start of the window in which an installation has a place, in microseconds, and the day it was last seen."""

    place: int
    seen: int


class PlaceCache:
    """The last `most` installations that called, or somewhat fewer. Thread-safe.

    In two generations: what is asked for moves to the young one, and once that is full, the old one is forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most: Final = max(most // 2, 1)
        self._young: dict[bytes, Remembered] = {}
        self._old: dict[bytes, Remembered] = {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def find(self, digest: bytes) -> Remembered | None:
        found = self._young.get(digest)
        if found is None and (found := self._old.get(digest)) is not None:
            self.keep(digest, found)
        return found

    def keep(self, digest: bytes, remembered: Remembered) -> None:
        if len(self._young) >= self._most:
            self._old, self._young = self._young, {}
        self._young[digest] = remembered
