"""The status of usage, registered as a type of the schema."""

from api.graphql.schema.common.enums import describe_enum
from core.consumption.readings.status import UsageStatus

describe_enum(
    UsageStatus,
    "How usage stands against its limit.",
    OK="Green: up to the limit and not at risk, or no limit is set.",
    AT_RISK="Yellow: up to the limit, and past the meter's at-risk ratio of it.",
    EXCEEDED="Red: over the limit; of credits: nothing is left.",
    UNKNOWN="Grey: never measured yet.",
)

__all__ = ["UsageStatus"]
