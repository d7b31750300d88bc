"""A counter: the sum of the quantities of events since the start of the billing period."""

from dataclasses import dataclass
from typing import ClassVar

from allowance.events import EventType
from allowance.kinds.breakdown import shares
from allowance.license import Contract, License
from allowance.meter import Meter
from allowance.reading import Reading
from allowance.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Counter(Meter):
    """A meter that adds up the quantities of the events of type `event` over the billing period.

    It starts again at zero with each billing period.

    Example::

        Counter(
            key="interactions", section="channels", title="Interactions",
            description="One interaction is one campaign sent to one profile.",
            unit="interactions", event="interaction.sent",
            limit=("profiles", "interactions_per_profile"), at_risk=Decimal("0.8"),
        )
    """

    event: str

    counts_over_period: ClassVar[bool] = True

    def events(self) -> tuple[EventType, ...]:
        """Return the event type that the counter reads."""
        return (EventType(self.event, "counter", self.by),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the sum of the billing period so far."""
        return Reading(
            used=usage.total(self.event, contract.period),
            limit=self.limit_of(contract),
            period=contract.period,
            shares=shares(self.by, usage, lambda by: usage.totals(self.event, contract.period, by=by)),
        )
