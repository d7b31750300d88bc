"""What is asked of a meter, and what is said where it gives no reading."""

import logging
from dataclasses import dataclass
from typing import Final

from allowance import Contract, License, Meter, Usage

FAILED: Final = "METER_FAILED"
TIMED_OUT: Final = "METER_TIMED_OUT"
OUT_OF_MEMORY: Final = "METER_OUT_OF_MEMORY"
CRASHED: Final = "METER_CRASHED"
INVALID_READING: Final = "METER_INVALID_READING"
UNAVAILABLE: Final = "METER_UNAVAILABLE"

logger = logging.getLogger(__name__)

_MESSAGES: Final = {
    FAILED: "The meter failed. The operator finds the cause in the log.",
    TIMED_OUT: "The meter took too long and was stopped.",
    OUT_OF_MEMORY: "The meter needed more memory than it may take, and was stopped.",
    CRASHED: "The meter ended the process that it was measured in. The operator finds details in the log.",
    INVALID_READING: "The meter gave a reading that cannot be used. The operator finds the reason in the log.",
    UNAVAILABLE: "The meter could not be asked. The operator finds the cause in the log.",
}


@dataclass(slots=True)
class MeterQuestion:
    """What does `meter` read for a license, under its contract, from its usage?"""

    meter: Meter
    license: License
    contract: Contract
    usage: Usage


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no reading, fit for the eyes of any caller: the details are in the log alone."""

    code: str
    message: str

    @classmethod
    def of(cls, code: str) -> "Failure":
        """The failure of that code. Raises KeyError where there is none."""
        return cls(code, _MESSAGES[code])


def failed(question: MeterQuestion, code: str, detail: str) -> Failure:
    """The failure of that code to answer a question; the log keeps the detail."""
    failure = Failure.of(code)
    logger.warning(
        "%s: meter %s, license %s, %s: %s", code, question.meter.key, question.license.key, question.usage.day, detail
    )
    return failure
