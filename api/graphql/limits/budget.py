"""The budget of each key: the cost of the operations that it may run in a second."""

from typing import Final

from core.access.rate_limit import RateLimit
from core.errors import RateLimited

SECONDS: Final = 8e-6
"""Processor time that a cost of 1 stands for: `python -m tests.bench operation_costs` prints it for many operations."""
LEAST_PART: Final = 0.1
"""The part of the cost that is always charged, for the work of the database and of child processes."""


class CostBudget:
    """A bucket of cost for each key, refilled at a steady rate. Thread-safe; one for each process.

    The cost of an operation is reserved before it runs. Afterwards the key is charged for the processor time that the
    operation took, which may be less, or more and then leaves a debt.
    """

    def __init__(self, per_second: int, highest: int) -> None:
        """Refill each bucket with `per_second`. A bucket holds at least the cost of one operation, `highest`."""
        self._per_second = per_second
        self._most = max(per_second, highest)
        self._buckets = RateLimit(per_second, self._most)

    def reserve(self, key: str, cost: int) -> "Reservation":
        """Reserve the cost of an operation. Raises :class:`core.errors.RateLimited` if the key has less left."""
        if wait := self._buckets.take(key, cost):
            raise RateLimited(f"The operation costs {cost}, and this key has less than that left.", wait)
        return Reservation(self, key, cost)

    def charge(self, key: str, seconds: float) -> None:
        """Charge a key for processor time, for which nothing was reserved."""
        self._buckets.add(key, -seconds / SECONDS)

    def give_back(self, key: str, cost: float) -> None:
        """Give a reserved cost back to a key."""
        self._buckets.add(key, cost)

    def require_no_debt(self, key: str) -> None:
        """Raise :class:`core.errors.RateLimited` if a key owes something."""
        if wait := self.seconds_in_debt(key):
            raise RateLimited("This key has used up its budget.", wait)

    def seconds_in_debt(self, key: str) -> float:
        """Return the seconds until the key owes nothing."""
        return self._buckets.seconds_in_debt(key)

    def status(self, key: str) -> dict[str, int]:
        """Return the `throttleStatus` of an answer to a key."""
        return {
            "maximumAvailable": self._most,
            "currentlyAvailable": max(0, int(self._buckets.left(key))),
            "restoreRate": self._per_second,
        }


class Reservation:
    """The reserved cost of one operation, which is settled once."""

    def __init__(self, budget: CostBudget, key: str, cost: int) -> None:
        """Hold a cost of a key."""
        self._budget = budget
        self._key = key
        self._cost = cost
        self._is_settled = False

    def settle(self, seconds: float | None) -> None:
        """Replace the reservation by the charge for processor time; None for an operation that did not begin."""
        if not self._is_settled:
            self._is_settled = True
            charge = 0.0 if seconds is None else max(seconds / SECONDS, self._cost * LEAST_PART)
            self._budget.give_back(self._key, self._cost - charge)
