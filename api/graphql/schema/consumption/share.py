"""Shares of usage in the schema."""

import allowance
import strawberry

from api.graphql.schema.common.scalars import number
from core.consumption.readings.judged_reading import ReadingShare
from core.languages.labels import label_in_words
from core.languages.words import Words


@strawberry.type(description="The share of one value of a dimension in the usage.")
class Share:
    share: strawberry.Private[ReadingShare]
    meter: strawberry.Private[allowance.Meter]
    words: strawberry.Private[Words]

    @strawberry.field(description="The dimension, for example `channel` or `entity`.")
    def dimension(self) -> str:
        return self.share.dimension

    @strawberry.field(description="The value of the dimension, for example `print`. Empty for usage without a value.")
    def key(self) -> str:
        return self.share.key

    @strawberry.field(description="The display name of the value.")
    def label(self) -> str:
        return label_in_words(self.meter, self.share.dimension, self.share.key, self.share.label, self.words)

    @strawberry.field(description="The usage of this value, in the meter's unit.")
    def used(self) -> float:
        return float(self.share.used)

    @strawberry.field(
        description="The part of the limit that is reserved for this value, in the meter's unit. Null if nothing is "
        "reserved."
    )
    def limit(self) -> float | None:
        return number(self.share.limit)

    @strawberry.field(
        description="The part of the limit that is left, in the meter's unit: the limit minus the usage, never below "
        "0; for credits the sum of what the value's own grants have left. Null if there is no limit."
    )
    def remaining(self) -> float | None:
        return number(self.share.remaining)
