"""A ratio: one quantity divided by another."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from allowance.errors import InvalidDeclaration
from allowance.events import EventType
from allowance.license import Contract, License
from allowance.meter import Meter
from allowance.reading import Reading
from allowance.usage import Usage


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of an event type in the billing period, as a part of a :class:`Ratio`.

    Attributes:
        event: The event type, of the kind ``counter``.
    """

    event: str

    @property
    def event_type(self) -> EventType:
        """The event type that this part reads."""
        return EventType(self.event, "counter")

    def of(self, usage: Usage, contract: Contract) -> Decimal | None:
        """Return the sum of the billing period so far."""
        return usage.total(self.event, contract.period)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest value of a level over all entities and dimensions, as a part of a :class:`Ratio`.

    Attributes:
        event: The event type, of the kind ``level``, as ``profiles.level``.
    """

    event: str

    @property
    def event_type(self) -> EventType:
        """The event type that this part reads."""
        return EventType(self.event, "level")

    def of(self, usage: Usage, contract: Contract) -> Decimal | None:
        """Return the level, or None if no value was reported."""
        return usage.level(self.event)


@dataclass(frozen=True, kw_only=True)
class Ratio(Meter):
    """A meter that divides `numerator` by `denominator`, exactly.

    `used` is None while the denominator is not reported or is zero.

    Example::

        Ratio(
            key="goal_interactions", section="web", title="Goal interactions per profile",
            description="Goals triggered in the billing period, per profile.",
            unit="interactions per profile", limit="goal_interactions_per_profile",
            numerator=Total("goal.triggered"), denominator=Latest("profiles.level"),
        )
    """

    numerator: Total | Latest
    denominator: Total | Latest

    counts_over_period: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the declaration."""
        for name in ("numerator", "denominator"):
            # No subclass: the kinds are only the SDK's code, so that they can be measured without a guard.
            if type(getattr(self, name)) not in (Total, Latest):
                raise InvalidDeclaration(f"Ratio {self.key}: `{name}` must be Total('…') or Latest('….level')")
        super().__post_init__()
        if self.by:
            raise InvalidDeclaration(f"Ratio {self.key}: leave `by` out; a ratio is not the sum of parts")
        # Where both are levels, nothing begins again with the period.
        counted = any(isinstance(part, Total) for part in (self.numerator, self.denominator))
        object.__setattr__(self, "counts_over_period", counted)

    def events(self) -> tuple[EventType, ...]:
        """Return the event types of the numerator and of the denominator."""
        return (self.numerator.event_type, self.denominator.event_type)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the quotient as a fraction."""
        over, under = self.numerator.of(usage, contract), self.denominator.of(usage, contract)
        return Reading(
            used=Fraction(over) / Fraction(under) if over is not None and under else None,
            limit=self.limit_of(contract),
            period=contract.period if self.counts_over_period else None,
        )
