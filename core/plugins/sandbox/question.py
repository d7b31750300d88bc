"""The question to a meter."""

from dataclasses import dataclass

from allowance import Contract, License, Meter, Usage


@dataclass(slots=True)
class MeterQuestion:
    """A request for the reading of a meter: the meter and the arguments of its `measure`."""

    meter: Meter
    license: License
    contract: Contract
    usage: Usage
