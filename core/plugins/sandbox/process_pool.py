"""Measuring in child processes, for meters whose code is not ours."""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from allowance import Reading

from core.plugins.sandbox import meter_wire as wire
from core.plugins.sandbox.process import CannotStart, Child, Lost
from core.plugins.sandbox.question import (
    INVALID_READING,
    OUT_OF_MEMORY,
    TIMED_OUT,
    UNAVAILABLE,
    Failure,
    MeterQuestion,
    failed,
)

_IDLE: Final = 4
"""Children kept for the next call; more than that were needed by a peak."""

_CRASHES: Final = 3
"""How many children one meter may cost in one call; the deadline it may pass but once."""

logger = logging.getLogger(__name__)


class ProcessPool:
    """The child processes of this process. Each serves one call at a time. Thread-safe."""

    def __init__(
        self, timeout: timedelta, memory: int, *, idle: int = _IDLE, reads: Collection[str] | None = None
    ) -> None:
        """`reads` as :class:`core.plugins.sandbox.process.Child` has it."""
        self._most_idle = idle
        self._reads = reads
        self._timeout = timeout
        self._memory = memory
        self._lock = threading.Lock()
        self._alive: set[Child] = set()
        self._idle: list[Child] = []
        self._closed = False

    def take(self) -> Child:
        """An idle child, or a new one. Raises :class:`CannotStart`."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self.start()

    def start(self) -> Child:
        """A new child. Raises :class:`CannotStart`."""
        with self._lock:
            if self._closed:
                raise CannotStart("the measurer is closed")
            try:
                child = Child(self._timeout, self._memory, reads=self._reads)
            except OSError as error:
                raise CannotStart(str(error)) from error
            self._alive.add(child)
        try:
            child.wait_until_ready()
        except Lost as lost:
            self.end(child)
            raise CannotStart(lost.detail) from lost
        return child

    def give_back(self, child: Child) -> None:
        """Keep a child for the next call."""
        with self._lock:
            keep = not self._closed and len(self._idle) < self._most_idle
            if keep:
                self._idle.append(child)
        if not keep:
            self.end(child)

    def end(self, child: Child) -> None:
        """End a child that was taken."""
        child.end()
        with self._lock:
            self._alive.discard(child)

    def close(self) -> None:
        """End all; a call that is under way finds its child gone."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = self._alive.difference(idle)
        for child in idle:
            self.end(child)
        for child in busy:
            child.kill()


class BatchMeasurement:
    """The questions of one call, put to one child after another for as long as it takes."""

    def __init__(self, children: ProcessPool) -> None:
        self._children = children
        self._child: Child | None = None
        self._loaded: int | None = None
        self._lost: Counter[str] = Counter()
        self._given_up: dict[str | int, Failure] = {}

    def measure(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        """The readings, in the order of the questions. Questions on the same usage are asked together."""
        found: list[Reading | Failure] = [Failure.of(UNAVAILABLE)] * len(questions)
        by_usage = defaultdict(list)
        for place, question in enumerate(questions):
            by_usage[question.usage.origin].append(place)
        try:
            for places in by_usage.values():
                for place in places:
                    found[place] = self._ask(questions[place])
        except CannotStart as error:
            logger.exception("No process to measure in: %s", error)
        except BaseException:
            self._end()
            raise
        if self._child is not None:
            self._children.give_back(self._child)
        return found

    def _ask(self, question: MeterQuestion) -> Reading | Failure:
        meter, usage = question.meter.key, question.usage.origin
        for what in (meter, usage):
            if what in self._given_up:
                return self._given_up[what]
        if self._child is None:
            self._child = self._children.take()
        if not self._child.fresh:
            try:
                return self._answer(self._child, question)
            except Lost:  # Earlier questions may have spoilt that child. This one deserves a new one.
                self._end()
                self._child = self._children.start()
        try:
            return self._answer(self._child, question)
        except Lost as lost:
            if self._loaded != usage:
                failure = failed(question, UNAVAILABLE, f"its usage cannot be loaded: {lost.detail}")
                self._given_up[usage] = failure
            else:
                failure = failed(question, lost.code, lost.detail)
                self._lost[meter] += 1
                if lost.code == TIMED_OUT or self._lost[meter] == _CRASHES:
                    self._given_up[meter] = failure
            self._end()
            return failure

    def _answer(self, child: Child, question: MeterQuestion) -> Reading | Failure:
        if self._loaded != question.usage.origin:
            loaded = child.load(wire.usage_to(question.usage))
            if "failure" in loaded:
                raise Lost(UNAVAILABLE, str(loaded.get("detail")))
            self._loaded = question.usage.origin
        answer = child.measure(wire.question_to(question))
        if answer.get("failure") == OUT_OF_MEMORY:
            raise Lost(OUT_OF_MEMORY, "more than it may take")  # and who knows what it still holds
        try:
            if "failure" in answer:
                return failed(question, answer["failure"], answer["detail"])
            return wire.reading_from(answer["reading"])
        except (TypeError, ValueError, KeyError, ArithmeticError) as error:
            return failed(question, INVALID_READING, f"{type(error).__name__}: {error}")

    def _end(self) -> None:
        if self._child is not None:
            self._children.end(self._child)
        self._child = self._loaded = None
