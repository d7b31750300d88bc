"""The measuring of meters: the SDK's own kinds in this process, all others in child processes of their plugins."""

import logging
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from traceback import format_exc
from typing import Final

from allowance import Admission, Reading
from allowance.reading_check import LARGEST, check_reading
from sqlalchemy.exc import SQLAlchemyError

from core.database.engine import Database
from core.plugins.breaker import Pauses, load_pauses, record_outcomes
from core.plugins.contained import KINDS, ContainedMeter
from core.plugins.sandbox.batch import BatchMeasurement
from core.plugins.sandbox.failure import (
    FAILED,
    INVALID_READING,
    PAUSED,
    PLUGIN_NOT_LOADED,
    PLUGIN_PAUSED,
    UNAVAILABLE,
    Failure,
    FailureLog,
)
from core.plugins.sandbox.process import IMPORT_TIMEOUT
from core.plugins.sandbox.process_pool import ProcessPool
from core.plugins.sandbox.question import MeterQuestion
from core.plugins.source import PluginSource
from core.right_of_way import give_way

__all__ = ["Failure", "Measurer", "MeterQuestion"]

logger = logging.getLogger(__name__)

MAX_CELLS: Final = 200_000
"""The default of the setting `meter_max_cells`."""


class Measurer:
    """A measurer asks meters, each of which can fail only its own readings. Thread-safe; one for each process.

    A meter of another class than the SDK's kinds runs in a child process of its plugin. It may take `timeout` for a
    question, and `memory` bytes beyond the memory of the plugin (on Linux; other systems do not keep that limit). A
    process that a meter puts in another session is out of reach. A meter that costs its process pauses, see
    :mod:`core.plugins.breaker`.
    """

    def __init__(
        self,
        *,
        timeout: timedelta,
        memory: int,
        import_timeout: timedelta = IMPORT_TIMEOUT,
        max_cells: int = MAX_CELLS,
        database: Database | None = None,
    ) -> None:
        """Create a measurer; child processes start when they are first needed.

        Args:
            timeout: The longest time for a question.
            memory: The memory in bytes that a meter may take.
            import_timeout: The longest time for the import of a plugin.
            max_cells: The most cells of usage that a meter may read of a license.
            database: The database with the pauses of meters; None to remember none.
        """
        self._database = database
        self._timeout = timeout
        self._memory = memory
        self._import_timeout = import_timeout
        self._max_cells = max_cells
        self._lock = threading.Lock()
        self._pools: dict[PluginSource, ProcessPool] = {}
        self._closed = False

    def measure(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        """Return the reading or the failure for each question, in order. A meter's error never raises here.

        A meter that passed its deadline, or crashed three times, is not asked again in the same call.
        """
        log = FailureLog()
        answers: dict[int, Reading | Failure] = {}
        contained: dict[PluginSource, list[int]] = defaultdict(list)
        for index, question in enumerate(questions):
            give_way()
            meter = question.meter
            if type(meter) in KINDS:
                answers[index] = _measure(question, log)
            elif not isinstance(meter, ContainedMeter):
                answers[index] = Failure.of(UNAVAILABLE)
            elif not meter.is_loaded:
                answers[index] = Failure.of(PLUGIN_NOT_LOADED)
            else:
                contained[meter.source].append(index)
        if contained:
            answers |= self._measure_apart(questions, contained, log)
        checked = [_checked(question, answers[index], log) for index, question in enumerate(questions)]
        log.close()
        return checked

    def _measure_apart(
        self,
        questions: Sequence[MeterQuestion],
        contained: Mapping[PluginSource, Sequence[int]],
        log: FailureLog,
    ) -> dict[int, Reading | Failure]:
        """Measure the questions to contained meters, except those that pause. Return the answers by their indexes."""
        pauses = self._load_pauses()
        answers: dict[int, Reading | Failure] = {}
        failed: dict[str, str] = {}
        measured: set[str] = set()
        for source, indexes in contained.items():
            asked = []
            for index in indexes:
                meter = questions[index].meter
                until = pauses.until(meter.key)
                if pauses.is_paused(source.name):
                    answers[index] = Failure.of(PLUGIN_PAUSED)
                elif until:
                    answers[index] = Failure.of(PAUSED, until)
                else:
                    asked.append(index)
            batch = BatchMeasurement(self._pool_of(source), log, self._max_cells)
            answers |= zip(asked, batch.measure([questions[index] for index in asked]), strict=True)
            failed |= batch.failed
            measured |= {questions[index].meter.key for index in asked} - batch.failed.keys()
        self._record_outcomes(failed, measured & pauses.meters.keys())
        return answers

    def _load_pauses(self) -> Pauses:
        if self._database is None:
            return Pauses()
        try:
            with self._database.read() as session:
                return load_pauses(session)
        except SQLAlchemyError:
            logger.warning("The pauses of meters cannot be read; all are measured.", exc_info=True)
            return Pauses()

    def _record_outcomes(self, failed: Mapping[str, str], measured: Collection[str]) -> None:
        if self._database is None or not (failed or measured):
            return
        try:
            with self._database.write() as session:
                record_outcomes(session, failed, measured)
        except SQLAlchemyError:  # among others, another process began the same pause at the same time
            logger.warning("The pauses of meters cannot be recorded.", exc_info=True)

    def close(self) -> None:
        """End the child processes, and with them the measuring that is under way."""
        with self._lock:
            self._closed = True
            for pool in self._pools.values():
                pool.close()

    def _pool_of(self, source: PluginSource) -> ProcessPool:
        with self._lock:
            if source not in self._pools:
                pool = ProcessPool(source, self._timeout, self._memory, import_timeout=self._import_timeout)
                self._pools[source] = pool
                if self._closed:
                    pool.close()
            return self._pools[source]


def _measure(question: MeterQuestion, log: FailureLog) -> Reading | Failure:
    try:
        return question.meter.measure(question.usage, question.license, question.contract)
    except Exception:
        return log.add(question, FAILED, format_exc())


def _checked(question: MeterQuestion, found: Reading | Failure, log: FailureLog) -> Reading | Failure:
    if isinstance(found, Failure):
        return found
    # The only rule that the SDK's own kinds can break is that of size: their limits are products.
    if type(question.meter) in KINDS and (found.limit is None or found.limit.value <= LARGEST):
        return found
    if isinstance(question.meter, Admission):
        # Places are given by the declared limit, whatever limit the code of a plugin measured.
        found = replace(found, limit=question.meter.limit_of(question.contract))
    try:
        check_reading(question.meter, found)
    except Exception as error:
        return log.add(question, INVALID_READING, str(error))
    return found
