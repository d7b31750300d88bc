"""A queue that senders share: whoever was served least comes first.

`queue.PriorityQueue` was weighed: it would need the same numbers, and locks once more for each item.
"""

from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST_IDLE: Final = 1_000
"""Senders without items that are remembered while others wait."""


class FairQueue(Generic[T]):
    """Items by sender, each with a size. Not thread-safe.

    This is start-time fair queueing (Goyal, Vin and Cheng, 1996): a sender that begins to wait counts as having been
    served as much as the one that was served last. So a small item passes the large ones of a sender that always waits.
    """

    def __init__(self) -> None:
        """Create an empty queue."""
        self._items: dict[str, deque[tuple[T, int]]] = {}
        self._line: list[tuple[float, int, str]] = []
        """The senders that wait, as a heap by what they had been served, then by arrival."""
        self._served: dict[str, float] = {}
        self._now = 0.0
        """What the sender that was served last had been served before."""
        self._arrivals = count()
        self.size = 0
        """The size of all items."""

    def __bool__(self) -> bool:
        """Return whether an item waits."""
        return bool(self._line)

    def put(self, sender: str, item: T, size: int) -> None:
        """Add an item behind the others of its sender."""
        self.size += size
        if sender in self._items:
            self._items[sender].append((item, size))
            return
        self._items[sender] = deque([(item, size)])
        self._stand_in_line(sender)

    def take(self, most: int) -> list[T]:
        """Remove items in their order, and return them: one of any size, and those that fit with it into `most`."""
        taken: list[T] = []
        too_large = []
        size = 0
        while self._line and (not taken or size < most):
            place = heappop(self._line)
            sender = place[2]
            item, own = self._items[sender][0]
            if taken and size + own > most:
                too_large.append(place)
                continue
            self._now = max(self._now, place[0])
            self._served[sender] = place[0] + own
            size += own
            taken.append(item)
            self._items[sender].popleft()
            if self._items[sender]:
                self._stand_in_line(sender)
            else:
                del self._items[sender]
        for place in too_large:
            heappush(self._line, place)
        self.size -= size
        return taken

    def forget_idle(self) -> None:
        """Forget what senders were served that do not wait: all of them if nobody waits."""
        if not self._line:
            self._served.clear()
        elif len(self._served) > MOST_IDLE:
            self._served = {
                each: done for each, done in self._served.items() if each in self._items or done > self._now
            }

    def _stand_in_line(self, sender: str) -> None:
        heappush(self._line, (max(self._served.get(sender, 0.0), self._now), next(self._arrivals), sender))
