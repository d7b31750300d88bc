"""The usage events that a meter reads, as the schema describes them to platforms that send them."""

from collections.abc import Mapping
from typing import Final

import allowance
import strawberry

from api.graphql.schema.meters.unit import title_of
from core.languages.words import Words

_AMOUNT_FIELDS: Final[Mapping[str, str]] = {"counter": "quantity", "level": "value"}


@strawberry.type(description="A known value of a dimension.")
class MeterDimensionValue:
    key: str = strawberry.field(description="The value in usage events, for example `print`.")
    title: str = strawberry.field(description="The display name of the value.")


@strawberry.type(description="A dimension: a property of usage events by which usage is broken down.")
class MeterDimension:
    dimension: strawberry.Private[allowance.Dimension]
    words: strawberry.Private[Words]

    @strawberry.field(description="The name of the property in usage events, for example `channel`.")
    def key(self) -> str:
        return self.dimension.key

    @strawberry.field(description="The display name of the dimension.")
    def title(self) -> str:
        return self.words.text(self.dimension.title or title_of(self.dimension.key))

    @strawberry.field(
        description="The values that an event may carry, in their order of display. Null if any value may be sent."
    )
    def values(self) -> list[MeterDimensionValue] | None:
        values = self.dimension.values
        if not values:
            return None
        return [MeterDimensionValue(key=key, title=self.words.text(title)) for key, title in values.items()]


@strawberry.type(description="A type of usage events, which platforms send and a meter reads.")
class MeterEvent:
    event_type: strawberry.Private[allowance.EventType]
    words: strawberry.Private[Words]

    @strawberry.field(description="The `type` of the CloudEvent, for example `interaction.sent`.")
    def type(self) -> str:
        return self.event_type.name

    @strawberry.field(
        description="The kind of the event: `counter` if quantities are added up, `level` if the newest value counts."
    )
    def kind(self) -> str:
        return self.event_type.kind

    @strawberry.field(
        description="The field of the event's data that holds the number: `quantity` for a counter, `value` for a "
        "level."
    )
    def field(self) -> str:
        return _AMOUNT_FIELDS[self.event_type.kind]

    @strawberry.field(
        description="The dimensions that an event may carry. Events may name an entity as well, whatever their type."
    )
    def dimensions(self) -> list[MeterDimension]:
        return [MeterDimension(dimension=dimension, words=self.words) for dimension in self.event_type.dimensions]
