"""The status of usage, registered as a type of the schema."""

import strawberry

from core.consumption.status import UsageStatus

strawberry.enum(
    UsageStatus,
    description="OK: green. AT_RISK: yellow. EXCEEDED: red. UNKNOWN: grey, never measured yet.",
)

__all__ = ["UsageStatus"]
