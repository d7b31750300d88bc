"""Failures of meters: the reasons why there is no reading."""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.plugins.sandbox.question import MeterQuestion

FAILED: Final = "METER_FAILED"
TIMED_OUT: Final = "METER_TIMED_OUT"
OUT_OF_MEMORY: Final = "METER_OUT_OF_MEMORY"
CRASHED: Final = "METER_CRASHED"
INVALID_READING: Final = "METER_INVALID_READING"
TOO_MUCH_USAGE: Final = "METER_TOO_MUCH_USAGE"
PAUSED: Final = "METER_PAUSED"
PLUGIN_PAUSED: Final = "METER_PLUGIN_PAUSED"
PLUGIN_NOT_LOADED: Final = "METER_PLUGIN_NOT_LOADED"
UNAVAILABLE: Final = "METER_UNAVAILABLE"

logger = logging.getLogger(__name__)

_MESSAGES: Final = {
    FAILED: "The meter failed. The operator finds the cause in the log.",
    TIMED_OUT: "The meter took too long and was stopped.",
    OUT_OF_MEMORY: "The meter needed more memory than allowed, and was stopped.",
    CRASHED: "The meter ended its process. The operator finds the details in the log.",
    INVALID_READING: "The meter returned an invalid reading. The operator finds the reason in the log.",
    TOO_MUCH_USAGE: "The meter reads more usage than allowed. The operator finds the event type in the log.",
    PAUSED: "The meter failed several times and pauses. It is measured again later.",
    PLUGIN_PAUSED: "The operator has paused the plugin of the meter.",
    PLUGIN_NOT_LOADED: "The plugin of the meter is not loaded. The operator finds the reason among the plugins.",
    UNAVAILABLE: "The meter could not be measured. The operator finds the cause in the log.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a meter gave no reading. Any caller may read it; the details are only in the log.

    `retry_at` is the time from which the meter can be asked again; None if it can be at any time.
    """

    code: str
    message: str
    retry_at: datetime | None = None

    @classmethod
    def of(cls, code: str, retry_at: datetime | None = None) -> "Failure":
        """Return the failure with the message of the code. Raises KeyError if the code is unknown."""
        return cls(code, _MESSAGES[code], retry_at)


class FailureLog:
    """The log of the failures of one call to measure: a detail for each meter and code, and a count of the others."""

    def __init__(self) -> None:
        """Begin with no failure."""
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, question: MeterQuestion, code: str, detail: str) -> Failure:
        """Log the detail of a failure to answer a question if it is the first one, and return the failure for callers.

        Raises:
            KeyError: If the code is unknown.
        """
        failure, meter = Failure.of(code), question.meter.key
        self._counts[code, meter] += 1
        if self._counts[code, meter] == 1:
            logger.warning(
                "%s: meter %s, license %s, %s: %s", code, meter, question.license.key, question.usage.day, detail
            )
        return failure

    def close(self) -> None:
        """Log the numbers of further failures."""
        for (code, meter), number in self._counts.items():
            if number > 1:
                logger.warning("%s: meter %s: %d more like the one above", code, meter, number - 1)
