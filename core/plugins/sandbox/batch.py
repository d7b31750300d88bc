"""Measuring a batch of questions in child processes."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from allowance import Reading

from core.plugins.sandbox.failure import INVALID_READING, OUT_OF_MEMORY, TIMED_OUT, UNAVAILABLE, Failure, log_failure
from core.plugins.sandbox.process import CannotStartProcess, ChildProcess, ProcessLost
from core.plugins.sandbox.process_pool import ProcessPool
from core.plugins.sandbox.protocol import ChildFailure, Measure
from core.plugins.sandbox.question import MeterQuestion

_MAX_CRASHES: Final = 3
"""The number of processes that one meter may crash in a batch. It may exceed its deadline only once."""

logger = logging.getLogger(__name__)


class BatchMeasurement:
    """The measurement of one batch, in one child process at a time. A lost process is replaced by a new one."""

    def __init__(self, pool: ProcessPool) -> None:
        """Create the measurement of a batch. It takes processes from the pool when it needs them."""
        self._pool = pool
        self._process: ChildProcess | None = None
        self._loaded: int | None = None
        self._crashes: Counter[str] = Counter()
        self._skipped_meters: dict[str, Failure] = {}
        self._skipped_usages: dict[int, Failure] = {}

    def measure(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        """Measure the questions. Questions on the same usage are measured together, so that it is sent only once.

        Returns:
            The reading or the failure of each question, in the order of the questions.
        """
        results: list[Reading | Failure] = [Failure.of(UNAVAILABLE)] * len(questions)
        by_usage = defaultdict(list)
        for index, question in enumerate(questions):
            by_usage[question.usage.origin].append(index)
        try:
            for indexes in by_usage.values():
                for index in indexes:
                    results[index] = self._measure(questions[index])
        except CannotStartProcess as error:
            logger.exception("No child process can be started to measure in: %s", error)
        except BaseException:
            self._discard_process()
            raise
        if self._process is not None:
            self._pool.release(self._process)
        return results

    def _measure(self, question: MeterQuestion) -> Reading | Failure:
        skipped = self._skipped_meters.get(question.meter.key) or self._skipped_usages.get(question.usage.origin)
        if skipped:
            return skipped
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
        if self._loaded != question.usage.origin:
            not_loaded = process.load(question.usage)
            if not_loaded:
                raise ProcessLost(UNAVAILABLE, not_loaded.detail)
            self._loaded = question.usage.origin
        result = process.measure(Measure.of(question))
        if isinstance(result, Reading):
            return result
        if result.code == OUT_OF_MEMORY:
            raise ProcessLost(OUT_OF_MEMORY, "more memory than allowed")  # the process may still hold that memory
        return _failure_in_child(question, result)

    def _failure_of(self, question: MeterQuestion, lost: ProcessLost) -> Failure:
        """Return the failure of a question that lost a fresh process, and skip its usage or its meter from now on."""
        meter, usage = question.meter.key, question.usage.origin
        if self._loaded != usage:
            failure = log_failure(question, UNAVAILABLE, f"its usage cannot be loaded: {lost.detail}")
            self._skipped_usages[usage] = failure
            return failure
        failure = log_failure(question, lost.code, lost.detail)
        self._crashes[meter] += 1
        if lost.code == TIMED_OUT or self._crashes[meter] == _MAX_CRASHES:
            self._skipped_meters[meter] = failure
        return failure

    def _discard_process(self) -> None:
        if self._process is not None:
            self._pool.discard(self._process)
        self._process = self._loaded = None


def _failure_in_child(question: MeterQuestion, failure: ChildFailure) -> Failure:
    try:
        return log_failure(question, failure.code, failure.detail)
    except KeyError:  # partners' code forged the answer
        return log_failure(question, INVALID_READING, f"the child answered with the unknown code {failure.code!r}")
