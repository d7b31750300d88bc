"""The question to a meter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from allowance import Contract, License, Meter, Usage


@dataclass(slots=True)
class MeterQuestion:
    """A request for the reading of a meter: the meter and the arguments of its `measure`."""

    meter: Meter
    license: License
    contract: Contract
    usage: Usage


def usage_read(questions: Sequence[MeterQuestion]) -> Usage:
    """Return the usage that one meter reads to answer questions about views of one usage, and no more.

    Args:
        questions: Questions to one meter, one at least.
    """
    meter = questions[0].meter
    since = None
    if meter.days is not None:
        days = timedelta(days=meter.days)
        since = min(min(one.contract.period.first, one.usage.day - days) for one in questions)
    events = {event.name for event in meter.events()}
    latest = max(questions, key=lambda one: one.usage.at)
    return latest.usage.only(events, meter.key, since)
