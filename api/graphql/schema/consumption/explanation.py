"""The explanation of a reading in the schema."""

from collections.abc import Sequence
from datetime import date, datetime

import strawberry
from strawberry.scalars import JSON

from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.common.term import Term
from core.consumption.view import ReadingView
from core.explaining.explanation import MOST_PARTS, ReadingExplanation, explain_reading
from core.explaining.parts import FigurePart, NewestEvent, PartReason, SummedParts
from core.languages.basis import basis_in_words
from core.languages.words import Words

describe_enum(
    PartReason,
    "The reason why an amount is a part of `used`.",
    USAGE="Usage of one day and series: what was counted, or the level that was reported.",
    OTHER_USAGE="All further usage, which is not listed.",
    SINCE_REFRESH="Usage that was counted since the reading was measured, taken away. The next refresh has it.",
    BELOW_ZERO="Corrections took more than was counted: a reading shows 0 then. Or credits that corrections returned.",
    EXPIRED_GRANTS="Spending that was paid by grants of credits that are not in force any more, taken away.",
    ROUNDING="The difference between the quotient of a ratio and the sum of its rounded parts.",
    OWN_MEASURE="The whole of `used`, measured by the plugin's own code, which states no parts.",
)


@strawberry.type(name="LedgerEvent", description="An event of the ledger.")
class EventBehindPart:
    source: str = strawberry.field(description="The source of the event, for example `/mailer`.")
    id: str = strawberry.field(description="The id of the event, unique within its source.")
    time: datetime = strawberry.field(description="The time of the usage.")
    counted_at: datetime = strawberry.field(description="The time at which the event arrived and was counted.")


@strawberry.type(description="A part of `used`. All parts add up to it.")
class ExplanationPart:
    reason: PartReason = strawberry.field(description="The reason why the amount is a part.")
    day: date | None = strawberry.field(
        description="The day of the usage in the license's time zone; for a level, of its newest report. Null for a "
        "part that is not of one day."
    )
    entity: str | None = strawberry.field(
        description="The entity of the usage. Null if the usage named none, or if the part is not of one series."
    )
    dimensions: JSON | None = strawberry.field(
        description='The dimensions of the usage, for example `{"channel": "print"}`. Null if the part is not of one '
        "series."
    )
    amount: float = strawberry.field(
        description="The amount in the meter's unit. Of a ratio, usage divided by the divisor. Below 0 if it is taken "
        "away."
    )
    events: int | None = strawberry.field(
        description="The number of events, cancelled ones as well. Null for levels and for what no event reported."
    )
    last_event: EventBehindPart | None = strawberry.field(
        description="The event with the newest time. Null if no event reported the part, or if it is not known: it was "
        "cancelled, it was counted before this field was added, or the time zone of the license changed since."
    )


@strawberry.type(description="The contract behind a limit.")
class LimitExplanation:
    contract_version: int = strawberry.field(description="The version of the contract that sets the limit.")
    effective_from: date = strawberry.field(description="The first day on which that version is in force.")
    formula: str = strawberry.field(description="The calculation of the limit in words.")
    terms: list[Term] = strawberry.field(description="The terms of the contract whose product is the limit.")


@strawberry.type(description="The number by which the parts of a ratio were divided.")
class ExplanationDivisor:
    summed: strawberry.Private[SummedParts]

    @strawberry.field(description="The number.")
    def amount(self) -> float:
        return float(self.summed.total)

    @strawberry.field(description="The parts of the number, which add up to it.")
    def parts(self) -> list[ExplanationPart]:
        return _parts(self.summed.parts)


@strawberry.type(description='The explanation of a reading: "why is it this number?"')
class Explanation:
    explained: strawberry.Private[ReadingExplanation]
    view: strawberry.Private[ReadingView]
    words: strawberry.Private[Words]

    @strawberry.field(
        description="The contract behind the limit. Null if there is no limit, if it does not follow from the "
        "contract, as with credits and with a plugin's own limit, or if the contract changed since the measurement."
    )
    def limit(self) -> LimitExplanation | None:
        limit = self.explained.limit
        if limit is None:
            return None
        return LimitExplanation(
            contract_version=limit.version,
            effective_from=limit.effective_from,
            formula=basis_in_words(limit.formula, self.view.meter, self.words),
            terms=[Term(key=key, value=float(value)) for key, value in limit.terms.items()],
        )

    @strawberry.field(
        description="The parts of `used`, which add up to it: usage by day and series, the newest first, then what is "
        "taken away or added. Empty if the reading has no usage."
    )
    def parts(self) -> list[ExplanationPart]:
        return _parts(self.explained.parts)

    @strawberry.field(description="The number by which the parts of a ratio were divided. Null for other meters.")
    def divisor(self) -> ExplanationDivisor | None:
        return None if self.explained.divisor is None else ExplanationDivisor(summed=self.explained.divisor)

    @strawberry.field(
        description="The number of events behind the usage that were sent again and recognized. They counted once. "
        "Those before this field was added are left out. 0 for a plugin's own measurement."
    )
    def duplicates(self) -> int:
        return self.explained.duplicates

    @strawberry.field(
        description="The number of events behind the usage that were counted after their day had ended. Those before "
        "this field was added are left out. 0 for a plugin's own measurement."
    )
    def late(self) -> int:
        return self.explained.late

    @strawberry.field(
        description="The time since which the ledger holds all events that arrived. Null if it dropped none."
    )
    def ledger_since(self) -> datetime | None:
        return self.explained.ledger_since


def explanation_of(info: Info, view: ReadingView, first: int | None) -> Explanation | None:
    """Return the explanation of a reading with at most `first` parts of usage."""
    most = page_size(first, 100, MOST_PARTS)
    context = info.context
    explained = explain_reading(context.session, view, context.services.registry, context.now, most)
    return None if explained is None else Explanation(explained=explained, view=view, words=context.words)


def _parts(parts: Sequence[FigurePart]) -> list[ExplanationPart]:
    return [
        ExplanationPart(
            reason=part.reason,
            day=part.day,
            entity=part.entity,
            dimensions=None if part.dimensions is None else JSON(dict(part.dimensions)),
            amount=float(part.amount),
            events=part.events,
            last_event=_event(part.last_event),
        )
        for part in parts
    ]


def _event(event: NewestEvent | None) -> EventBehindPart | None:
    if event is None:
        return None
    return EventBehindPart(source=event.source, id=event.id, time=event.time, counted_at=event.counted_at)
