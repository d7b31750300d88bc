"""A budget that holders share, each within a bound of its own that shrinks as the budget is used up."""

from collections import Counter


class FairBudget:
    """A budget of some unit. Not thread-safe.

    A holder may hold `most`, and never more than what is free for all: one that takes as much as it can leaves as much
    to the others, two leave them half as much, and so on. All together may hold twice as much as one. Buffers of
    network switches are shared by the same rule ("dynamic queue length thresholds", Choudhury and Hahne, 1998).
    """

    def __init__(self, most: int) -> None:
        """Let one holder hold `most`."""
        self.most = most
        self._held: Counter[str] = Counter()
        self._total = 0

    def has_room(self, holder: str, size: int = 1) -> bool:
        """Return whether a holder may hold so much more."""
        return self._held.get(holder, 0) + size <= min(self.most, 2 * self.most - self._total)

    def add(self, holder: str, size: int) -> None:
        """Add to what a holder holds, or take it back if the size is negative."""
        self._total += size
        self._held[holder] += size
        if not self._held[holder]:
            del self._held[holder]
