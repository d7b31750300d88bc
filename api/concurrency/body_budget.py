"""A budget of bytes for the bodies of requests that are read and checked at the same time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from api.concurrency.turns import Turns
from core.errors import Overloaded
from core.fair_budget import FairBudget

THREADS: Final = 2
"""Bodies checked at the same time, one of each sender. More would be no faster, since only one thread at a time runs
Python, and a sender with more would delay the others."""

T = TypeVar("T")


class BodyBudget:
    """A bound on the bytes of the bodies that each sender and all together hold, including those that arrive slowly."""

    def __init__(self, most: int) -> None:
        """Bound the bytes of all bodies of a sender to `most`, see :class:`core.fair_budget.FairBudget`."""
        self._bytes = FairBudget(most)
        self._threads = Turns(THREADS, "bodies", per_key=1, most_waiting=None, is_long=True)

    @contextmanager
    def body(self, sender: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves bytes for a body; they are free again at the end of the block.

        The function takes a number of bytes, and raises :class:`core.errors.Overloaded` if there is no room for them.

        Args:
            sender: The name under which the use of the sender is counted.
        """
        own = 0

        def grow(size: int) -> None:
            nonlocal own
            if not self._bytes.has_room(sender, size):
                raise Overloaded("More comes in than can be read. Nothing of this was recorded; send it again later.")
            own += size
            self._bytes.add(sender, size)

        try:
            yield grow
        finally:
            self._bytes.add(sender, -own)

    async def in_thread(self, sender: str, work: Callable[[], T]) -> T:
        """Return the result of `work`, done in one of THREADS threads when it is the sender's turn."""
        return await self._threads.run(sender, work)
