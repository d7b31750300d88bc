"""Measuring a batch of questions to the meters of one plugin in child processes."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from time import monotonic
from typing import Final

from allowance import Reading, Usage

from core.plugins.sandbox.failure import (
    INVALID_READING,
    OUT_OF_MEMORY,
    TIMED_OUT,
    TOO_MUCH_USAGE,
    UNAVAILABLE,
    Failure,
    FailureLog,
)
from core.plugins.sandbox.process import CannotStartProcess, ChildProcess, ProcessLost
from core.plugins.sandbox.process_pool import ProcessPool
from core.plugins.sandbox.protocol import ChildFailure, Measure
from core.plugins.sandbox.question import MeterQuestion, usage_read

_MAX_CRASHES: Final = 3
"""The number of processes that one meter may crash in a batch. It may exceed its deadline only once."""

_MOST_DEADLINES: Final = 12
"""The deadlines that one meter may take for all questions of a batch, so that a slow one does not delay all others."""

logger = logging.getLogger(__name__)


class BatchMeasurement:
    """The measurement of one batch, in one child process at a time. A lost process is replaced by a new one."""

    def __init__(self, pool: ProcessPool, log: FailureLog, max_cells: int) -> None:
        """Create the measurement of a batch. It takes processes from the pool when it needs them.

        Args:
            pool: The pool of the plugin.
            log: The log of failures.
            max_cells: The most cells of usage that a meter may read of a license.
        """
        self._pool = pool
        self._log = log
        self._max_cells = max_cells
        self._process: ChildProcess | None = None
        self._usage: Usage | None = None
        self._is_loaded = False
        self._crashes: Counter[str] = Counter()
        self._most_seconds = _MOST_DEADLINES * pool.timeout.total_seconds()
        self._seconds: dict[str, float] = defaultdict(float)
        """The seconds that each meter has taken."""
        self._skipped: dict[str, Failure] = {}
        self.failed: dict[str, str] = {}
        """The codes of failures that took a deadline or a process, by meter."""

    def measure(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        """Measure the questions. Those to one meter on the same usage are together, so that it is sent only once.

        Returns:
            The reading or the failure of each question, in the order of the questions.
        """
        results: list[Reading | Failure] = [Failure.of(UNAVAILABLE)] * len(questions)
        by_usage = defaultdict(list)
        for index, question in enumerate(questions):
            by_usage[question.usage.origin, question.meter.key].append(index)
        try:
            for indexes in by_usage.values():
                answers = self._measure_all([questions[index] for index in indexes])
                for index, answer in zip(indexes, answers, strict=True):
                    results[index] = answer
        except CannotStartProcess as error:
            logger.error("No child process of the plugin %s can be started: %s", self._pool.source.name, error)
            self.failed |= {question.meter.key: UNAVAILABLE for question in questions}
        except BaseException:
            self._discard_process()
            raise
        if self._process is not None:
            self._pool.release(self._process)
        return results

    def _measure_all(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        """Measure questions to one meter on the same usage."""
        first = questions[0]
        if skipped := self._skipped.get(first.meter.key):
            return [skipped] * len(questions)
        self._usage, self._is_loaded = usage_read(questions), False
        sizes = self._usage.sizes
        if sum(sizes.values()) > self._max_cells:
            return [self._too_much(first, sizes)] * len(questions)
        answers: list[Reading | Failure] = []
        for question in questions:
            skipped = self._skipped.get(question.meter.key)
            answer = skipped or self._timed(question)
            answers.append(answer)
            if isinstance(answer, Failure) and not self._is_loaded and answer.code == UNAVAILABLE:
                return [*answers, *[answer] * (len(questions) - len(answers))]  # the usage cannot be loaded
        return answers

    def _too_much(self, question: MeterQuestion, sizes: dict[str, int]) -> Failure:
        event = max(sizes, key=lambda name: sizes[name])
        detail = (
            f"it reads {sum(sizes.values())} cells of usage, of which {sizes[event]} are of {event}; "
            f"the most are {self._max_cells}"
        )
        return self._log.add(question, TOO_MUCH_USAGE, detail)

    def _timed(self, question: MeterQuestion) -> Reading | Failure:
        """Measure a question, or let its meter fail from now on if it has taken too long in all."""
        meter = question.meter.key
        if self._seconds[meter] >= self._most_seconds:
            failure = self._log.add(question, TIMED_OUT, f"more than {self._most_seconds:g} seconds in all")
            self.failed[meter] = failure.code
            self._skipped[meter] = failure
            return failure
        began = monotonic()
        try:
            return self._measure(question)
        finally:
            self._seconds[meter] += monotonic() - began

    def _measure(self, question: MeterQuestion) -> Reading | Failure:
        if self._process is None:
            self._process = self._pool.acquire()
        if not self._process.fresh:
            try:
                return self._attempt(self._process, question)
            except ProcessLost:
                # An earlier question may have damaged the process, so this question gets another attempt in a new one.
                self._discard_process()
                self._process = self._pool.start()
        try:
            return self._attempt(self._process, question)
        except ProcessLost as lost:
            failure = self._failure_of(question, lost)
            self._discard_process()
            return failure

    def _attempt(self, process: ChildProcess, question: MeterQuestion) -> Reading | Failure:
        if not self._is_loaded:
            assert self._usage is not None  # noqa: S101 - for mypy
            not_loaded = process.load(self._usage)
            if not_loaded:
                raise ProcessLost(UNAVAILABLE, not_loaded.detail)
            self._is_loaded = True
        result = process.measure(Measure.of(question))
        if isinstance(result, Reading):
            return result
        if result.code == OUT_OF_MEMORY:
            raise ProcessLost(OUT_OF_MEMORY, "more memory than allowed")  # the process may still hold that memory
        return self._failure_in_child(question, result)

    def _failure_of(self, question: MeterQuestion, lost: ProcessLost) -> Failure:
        """Return the failure of a question that lost a fresh process. Its meter may be skipped from now on."""
        if not self._is_loaded:
            return self._log.add(question, UNAVAILABLE, f"its usage cannot be loaded: {lost.detail}")
        meter = question.meter.key
        failure = self._log.add(question, lost.code, lost.detail)
        self.failed[meter] = failure.code
        self._crashes[meter] += 1
        if lost.code == TIMED_OUT or self._crashes[meter] == _MAX_CRASHES:
            self._skipped[meter] = failure
        return failure

    def _failure_in_child(self, question: MeterQuestion, failure: ChildFailure) -> Failure:
        try:
            return self._log.add(question, failure.code, failure.detail)
        except KeyError:  # partners' code forged the answer
            return self._log.add(
                question, INVALID_READING, f"the child answered with the unknown code {failure.code!r}"
            )

    def _discard_process(self) -> None:
        if self._process is not None:
            self._pool.discard(self._process)
        self._process, self._is_loaded = None, False
