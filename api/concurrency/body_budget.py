"""How much comes in at once: bodies that are read and checked, before what they hold waits to be committed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from core.errors import Overloaded

THREADS: Final = 2
"""Bodies checked at once. More would be no faster, as one thread at a time runs Python, and each holds a batch."""

T = TypeVar("T")


class BodyBudget:
    """Bounds the bytes of bodies that are held at once, whoever sends them and however slowly."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._threads = CapacityLimiter(THREADS)

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Room for a body while the block lasts; to be told of every byte more. That raises :class:`Overloaded`."""
        own = 0

        def grow(size: int) -> None:
            nonlocal own
            if self._held + size > self._most:
                raise Overloaded("More comes in than can be read. Nothing of this was recorded; send it again later.")
            own += size
            self._held += size

        try:
            yield grow
        finally:
            self._held -= own

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what takes long in one of few threads."""
        return await to_thread.run_sync(work, limiter=self._threads)
