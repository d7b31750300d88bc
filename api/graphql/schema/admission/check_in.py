"""Check-ins in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.enums import describe_enum
from core.admission import check_in as core
from core.admission.check_in import Decision as CheckInDecision

describe_enum(
    CheckInDecision,
    "What an installation is told.",
    name="CheckInDecision",
    ADMITTED="It took a place of the quota window now.",
    KNOWN="It has a place in the quota window.",
    BACK_OFF="All places are taken: it stays away until `retryAt`.",
)


@strawberry.input(description="An installation that calls home.")
class CheckInInput:
    license: str = strawberry.field(description="The license's key.")
    installation: str = strawberry.field(description="What tells it from all others, up to 200 characters.")
    meter: str | None = strawberry.field(
        default=None, description="The meter whose quota it counts towards; left out, `active_installations`."
    )


@strawberry.type(description="What an installation is told.")
class CheckIn:
    found: strawberry.Private[core.CheckIn]

    @strawberry.field(description="Whether it has a place.")
    def decision(self) -> CheckInDecision:
        return self.found.decision

    @strawberry.field(description="How many days it was told to stay away; null where it has a place.")
    def back_off_days(self) -> int | None:
        return self.found.back_off.days if self.found.back_off else None

    @strawberry.field(description="When it may call again; null where it has a place.")
    def retry_at(self) -> datetime | None:
        return self.found.back_off.retry_at if self.found.back_off else None

    @strawberry.field(description="Places in the quota window; null without a quota, and in an outage.")
    def quota(self) -> float | None:
        return self.found.quota

    @strawberry.field(description="Places left, as of a second ago at the most; null without a quota.")
    def remaining(self) -> float | None:
        return self.found.remaining

    @strawberry.field(
        description="Whether the database is away, and it passes since it had a place in the last window."
    )
    def outage(self) -> bool:
        return self.found.outage
