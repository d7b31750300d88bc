"""Warnings in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.meters.meter import Meter
from core.consumption.warnings import Notice as FoundNotice
from core.consumption.warnings import Warnings as FoundWarnings


@strawberry.type(description="A notice: a limit is exceeded, and an application shows it as long as that lasts.")
class Notice:
    found: strawberry.Private[FoundNotice]

    @strawberry.field(description="The meter whose limit is exceeded.")
    def meter(self) -> Meter:
        return Meter(meter=self.found.meter)

    @strawberry.field(
        description="The application that shows the notice. Empty if the notice concerns every application."
    )
    def application(self) -> str:
        return self.found.application

    @strawberry.field(description="The status of the reading: always EXCEEDED.")
    def status(self) -> UsageStatus:
        return self.found.status

    @strawberry.field(description="The usage in the meter's unit.")
    def used(self) -> float:
        return float(self.found.used)

    @strawberry.field(description="The limit in the meter's unit.")
    def limit(self) -> float:
        return float(self.found.limit)

    @strawberry.field(description="The text to show, with the effect of new actions.")
    def message(self) -> str:
        return self.found.message

    @strawberry.field(description="The time at which a refresh found the limit exceeded.")
    def since(self) -> datetime:
        return self.found.since


@strawberry.type(description="The warnings of a license. They are empty if the contract disables warnings.")
class Warnings:
    found: strawberry.Private[FoundWarnings]

    @strawberry.field(description="True if the contract enables warnings.")
    def enabled(self) -> bool:
        return self.found.enabled

    @strawberry.field(
        description='True if the account icon and "My consumption" show a red halo: at least one soft limit is '
        "exceeded."
    )
    def halo(self) -> bool:
        return self.found.halo

    @strawberry.field(
        description="The notices: one for each exceeded soft limit and each application that the limit concerns."
    )
    def notices(
        self,
        application: Annotated[
            str | None,
            strawberry.argument(
                description="Only the notices of this application, and the notices that concern every application. The "
                "default is all notices."
            ),
        ] = None,
    ) -> list[Notice]:
        everywhere = ""
        return [
            Notice(found=one)
            for one in self.found.notices
            if application is None or one.application in (application, everywhere)
        ]
