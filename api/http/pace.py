"""The pace at which the other side of a connection sends or reads, looked at once per second."""

from typing import Final

WINDOW: Final = 10
"""Seconds over which a rate is measured, so that a short stall of a network ends no connection."""


class Pace:
    """The time and the progress of the current phase of one connection.

    Time is the number of looks, one per second. If the server itself stands still, no time passes, and nobody is
    blamed.
    """

    __slots__ = ("_done", "_marked", "_phase", "_since")

    def __init__(self) -> None:
        """Begin in no phase."""
        self._phase: object = None
        self._since = self._marked = self._done = 0

    def rest(self) -> None:
        """Leave the phase: now nothing has to come."""
        self._phase = None

    def seconds_in(self, phase: object, second: int, done: int = 0) -> int:
        """Return for how many seconds a phase lasts by now.

        Args:
            phase: The phase; if it is not equal to the phase before, it begins now.
            second: The number of this look.
            done: The bytes that were transferred so far, from any start.
        """
        if phase != self._phase:
            self._phase, self._since = phase, second
            self._marked, self._done = second, done
        return second - self._since

    def is_slow(self, second: int, done: int, rate: int) -> bool:
        """Return whether fewer than `rate` bytes per second were transferred in the last WINDOW seconds.

        If `done` fell, there is more to transfer than before, and a new window begins.
        """
        if second - self._marked < WINDOW and done >= self._done:
            return False
        slow = 0 <= done - self._done < WINDOW * rate
        self._marked, self._done = second, done
        return slow
