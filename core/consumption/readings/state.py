"""The state of a reading: whether it is a measurement against a limit, and if not, why. Pure."""

from enum import StrEnum

from allowance import Contract, Enforcement, Meter, Reading


class ReadingState(StrEnum):
    """MEASURED: usage against a limit. The other states have no usage, no limit, or no contract to have one by."""

    MEASURED = "MEASURED"
    NOTHING_REPORTED = "NOTHING_REPORTED"
    NEVER_MEASURED = "NEVER_MEASURED"
    NOT_IN_CONTRACT = "NOT_IN_CONTRACT"
    UNLIMITED = "UNLIMITED"
    TERM_ONLY = "TERM_ONLY"
    NO_CONTRACT = "NO_CONTRACT"


# Looked up for every reading, and reading a member of an enumeration takes longer.
_MEASURED = ReadingState.MEASURED


def state_of(meter: Meter, contract: Contract, reading: Reading) -> ReadingState:
    """Return the state of a reading that was measured.

    Args:
        meter: The meter that gave the reading.
        contract: The contract on the day of the measurement.
        reading: The reading.

    Returns:
        NO_CONTRACT if none is in force, whatever was used. Without a limit NOT_IN_CONTRACT if nothing was reported,
        otherwise UNLIMITED. With a limit TERM_ONLY for a meter that has no usage, NOTHING_REPORTED if nothing was
        reported, otherwise MEASURED.
    """
    if not contract.in_force:
        return ReadingState.NO_CONTRACT
    if reading.limit is None:
        return ReadingState.UNLIMITED if _is_reported(meter, reading) else ReadingState.NOT_IN_CONTRACT
    if reading.used is not None:
        return _MEASURED
    return ReadingState.TERM_ONLY if meter.enforcement is Enforcement.NONE else ReadingState.NOTHING_REPORTED


def _is_reported(meter: Meter, reading: Reading) -> bool:
    """Return whether anything was reported. A usage of 0 is a report only if a level says so."""
    if reading.used is None:
        return False
    if reading.used or reading.refused:
        return True
    events = meter.events()
    return bool(events) and all(event.kind == "level" for event in events)
