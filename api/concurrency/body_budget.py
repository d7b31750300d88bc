"""A budget of bytes for the bodies of requests that are read and checked at the same time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from core.errors import Overloaded

THREADS: Final = 2
"""Bodies checked at the same time. More would be no faster, since only one thread at a time runs Python."""

T = TypeVar("T")


class BodyBudget:
    """A bound on the bytes of all bodies that are held at once, including those that arrive slowly."""

    def __init__(self, most: int) -> None:
        """Bound the bytes of all bodies together to `most`."""
        self._most = most
        self._held = 0
        self._threads = CapacityLimiter(THREADS)

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves bytes for a body; they are free again at the end of the block.

        The function takes a number of bytes, and raises :class:`core.errors.Overloaded` if the budget is used up.
        """
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
        """Return the result of `work`, done in one of THREADS threads."""
        return await to_thread.run_sync(work, limiter=self._threads)
