"""Check-ins in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.enums import describe_enum
from core.admission import check_in as core
from core.admission.check_in import Decision as CheckInDecision

describe_enum(
    CheckInDecision,
    "The decision on a check-in.",
    name="CheckInDecision",
    ADMITTED="The installation took a place in the quota window with this check-in.",
    KNOWN="The installation already has a place in the quota window.",
    BACK_OFF="The installation has no place, since all places are taken. It must not check in again before `retryAt`.",
    REFUSED="No installation is served, not even with a place: the license is suspended, or no contract is in force. "
    "The field `reason` states why. Nothing is recorded.",
)


@strawberry.input(description="A check-in: an installation calls home and asks for a place in the quota window.")
class CheckInInput:
    license: str = strawberry.field(description="The key of the license.")
    installation: str = strawberry.field(
        description="The identifier of the installation. It must be unique in the license and have at most 200 "
        "characters."
    )
    meter: str | None = strawberry.field(
        default=None,
        description="The key of the meter whose quota the installation counts towards. The default is "
        "`active_installations`.",
    )
    signature: str | None = strawberry.field(
        default=None,
        description="The signature of the installation by the license's secret. It is checked when the installation "
        "takes a place, if the license has a secret.",
    )


@strawberry.type(description="The answer to a check-in.")
class CheckIn:
    record: strawberry.Private[core.CheckIn]

    @strawberry.field(description="The decision: admitted, already known, or refused.")
    def decision(self) -> CheckInDecision:
        return self.record.decision

    @strawberry.field(description="The number of days that the installation must stay away. Null if it has a place.")
    def back_off_days(self) -> int | None:
        return self.record.back_off.days if self.record.back_off else None

    @strawberry.field(description="The time from which the installation may check in again. Null if it has a place.")
    def retry_at(self) -> datetime | None:
        return self.record.back_off.retry_at if self.record.back_off else None

    @strawberry.field(
        description="The number of places in the quota window. Null if the contract sets no quota, during an "
        "outage of the database, and if the check-in is refused."
    )
    def quota(self) -> float | None:
        return self.record.quota

    @strawberry.field(
        description="The number of places left; the figure is at most one second old. Null if the contract sets no "
        "quota, and during an outage of the database."
    )
    def remaining(self) -> float | None:
        return self.record.remaining

    @strawberry.field(
        description="True if the database is unavailable, and the installation passes because it had a place in the "
        "last window. Nothing is recorded then."
    )
    def outage(self) -> bool:
        return self.record.outage

    @strawberry.field(description="The reason of a refusal, in words for people. Null unless the decision is REFUSED.")
    def reason(self) -> str | None:
        return self.record.reason
