"""Calendar intervals, registered as a type of the schema."""

from api.graphql.schema.common.enums import describe_enum
from core.consumption.intervals import Interval

describe_enum(
    Interval,
    "The interval between two points of a history. Intervals follow the calendar in the license's time zone.",
    HOUR="One hour.",
    DAY="One calendar day.",
    WEEK="One week, from Monday on.",
    MONTH="One calendar month.",
)

__all__ = ["Interval"]
