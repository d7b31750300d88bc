"""The status of usage, registered as a type of the schema."""

from api.graphql.schema.common.enums import describe_enum
from core.consumption.readings.status import UsageStatus

describe_enum(
    UsageStatus,
    "The status of usage against its limit.",
    OK="Green: the usage is within the limit and not at risk, or there is no limit.",
    AT_RISK="Yellow: the usage is within the limit, and has reached the at-risk ratio of the limit.",
    EXCEEDED="Red: the usage is over the limit. For credits: no credits are left, or some are owed. For a hard quota: "
    "someone was refused in the window.",
    UNKNOWN="Grey: no usage was measured or reported yet, or no contract is in force. The state of the reading tells.",
)

__all__ = ["UsageStatus"]
