"""The right of way of short work over long work in a process, of whose threads only one runs Python at a time.

A thread that computes for long delays each step of a short request, as both wait for the interpreter in turn. So long
work calls :func:`give_way` between its steps, and waits there while short work is under way.

Child processes for long work were weighed: each would hold plugins, caches and connections of its own. Priorities of
the operating system do not decide which thread gets the interpreter.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Condition, local
from time import monotonic, thread_time
from types import TracebackType
from typing import Final, TypeVar

T = TypeVar("T")

SHORT: Final = 0.005
"""Seconds of processor time from which on any work is long."""
PATIENCE: Final = 0.05
"""Seconds that long work waits at the most: at once, and after the last short work began."""
SHARE: Final = 3
"""Long work waits up to so many times as long as it computes, so that it goes on beside short work without end."""


class _Road:
    """The short work of this process."""

    def __init__(self) -> None:
        self.short = 0
        """Pieces of short work under way. Read without the lock: a step too early or too late does not matter."""
        self._newest = 0.0
        self._changed = Condition()

    def enter(self) -> None:
        with self._changed:
            self.short += 1
            self._newest = monotonic()

    def leave(self, work: "Work") -> None:
        with self._changed:
            if not work.has_way:
                return
            work.has_way = False
            self.short -= 1
            if not self.short:
                self._changed.notify_all()

    def wait_until_clear(self, seconds: float) -> None:
        """Wait until no short work is under way, or all of it seems to wait for something else."""
        latest = monotonic() + seconds
        with self._changed:
            while self.short:
                left = min(latest, self._newest + PATIENCE) - monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)


_ROAD: Final = _Road()
_thread: Final = local()


class Work:
    """A piece of work of one thread, which is the context in which this thread does it.

    Attributes:
        has_way: Whether long work of other threads gives way to it.
        seconds: The processor time that its thread took, once it is done.
    """

    __slots__ = ("_began", "_computed", "_outer", "_patience", "has_way", "seconds")

    def __init__(self, *, is_long: bool) -> None:
        """Begin. Work that is not long has the right of way from now on: until it ends, or proves to be long."""
        self.seconds = 0.0
        self.has_way = not is_long
        self._patience = PATIENCE
        if self.has_way:
            _ROAD.enter()

    def __enter__(self) -> "Work":
        """Begin to compute in this thread."""
        self._outer: Work | None = getattr(_thread, "work", None)
        _thread.work = self
        self._began = self._computed = thread_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop computing."""
        self.seconds = thread_time() - self._began
        _thread.work = self._outer

    def end(self) -> None:
        """Lose the right of way; may be called by any thread, and again."""
        if self.has_way:
            _ROAD.leave(self)

    def give_way(self) -> None:
        """Wait for the short work of other threads if this work is long, or has become so."""
        now = thread_time()
        if self.has_way:
            if now - self._began < SHORT:
                return
            _ROAD.leave(self)
        self._patience = min(PATIENCE, self._patience + SHARE * (now - self._computed))
        self._computed = now
        began = monotonic()
        _ROAD.wait_until_clear(self._patience)
        self._patience -= monotonic() - began


@contextmanager
def short_work() -> Iterator[None]:
    """Let long work of all threads give way to what is awaited in the block."""
    work = Work(is_long=False)
    try:
        yield
    finally:
        work.end()


def giving_way(items: Iterable[T]) -> Iterator[T]:
    """Yield items, and let short work of other threads go first before each."""
    for item in items:
        give_way()
        yield item


def give_way() -> None:
    """Let short work of other threads go first, if this thread does long work. Call it after each millisecond or so."""
    if _ROAD.short:
        work: Work | None = getattr(_thread, "work", None)
        if work is not None:
            work.give_way()
