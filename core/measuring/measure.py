"""The measuring of meters: the SDK's own kinds in this process, all other meters in child processes."""

from collections.abc import Sequence
from datetime import timedelta
from traceback import format_exc
from typing import Final

from allowance import Admission, Counter, Credits, Level, Ratio, Reading, Term
from allowance.reading_check import LARGEST, check_reading

from core.plugins.sandbox.batch import BatchMeasurement
from core.plugins.sandbox.failure import FAILED, INVALID_READING, Failure, log_failure
from core.plugins.sandbox.process_pool import ProcessPool
from core.plugins.sandbox.question import MeterQuestion

__all__ = ["Failure", "Measurer", "MeterQuestion"]

_OWN: Final = frozenset((Admission, Counter, Credits, Level, Ratio, Term))


class Measurer:
    """A measurer asks meters, each of which can fail only its own readings. Thread-safe; one for each process.

    A meter of another class than the SDK's kinds runs in a child process. It may take `timeout` for a question, and
    `memory` bytes beyond the memory of the plugins (on Linux; other systems do not keep that limit). A process that a
    meter puts in another session is out of reach.
    """

    def __init__(self, *, timeout: timedelta, memory: int) -> None:
        """Create a measurer; child processes start when they are first needed."""
        self._pool = ProcessPool(timeout, memory)

    def measure(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        """Return the reading or the failure for each question, in order. A meter's error never raises here.

        A meter that passed its deadline, or crashed three times, is not asked again in the same call.
        """
        contained = [question for question in questions if type(question.meter) not in _OWN]
        answers = iter(BatchMeasurement(self._pool).measure(contained))
        return [
            _checked(question, _measure(question) if type(question.meter) in _OWN else next(answers))
            for question in questions
        ]

    def close(self) -> None:
        """End the child processes, and with them the measuring that is under way."""
        self._pool.close()


def _measure(question: MeterQuestion) -> Reading | Failure:
    try:
        return question.meter.measure(question.usage, question.license, question.contract)
    except Exception:
        return log_failure(question, FAILED, format_exc())


def _checked(question: MeterQuestion, found: Reading | Failure) -> Reading | Failure:
    if isinstance(found, Failure):
        return found
    # The only rule that the SDK's own kinds can break is that of size: their limits are products.
    if type(question.meter) in _OWN and (found.limit is None or found.limit.value <= LARGEST):
        return found
    try:
        check_reading(question.meter, found)
    except Exception as error:
        return log_failure(question, INVALID_READING, str(error))
    return found
