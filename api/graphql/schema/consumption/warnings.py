"""Warnings in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.meters.meter import Meter
from core.consumption.warnings import Notice as FoundNotice
from core.consumption.warnings import Warnings as FoundWarnings


@strawberry.type(description="An exceeded limit, to be shown in an application while it lasts.")
class Notice:
    found: strawberry.Private[FoundNotice]

    @strawberry.field(description="What is measured.")
    def meter(self) -> Meter:
        return Meter(meter=self.found.meter)

    @strawberry.field(description="Where to show it; empty for everywhere.")
    def application(self) -> str:
        return self.found.application

    @strawberry.field(description="EXCEEDED.")
    def status(self) -> UsageStatus:
        return self.found.status

    @strawberry.field(description="The total, in the meter's unit.")
    def used(self) -> float:
        return float(self.found.used)

    @strawberry.field(description="What the contract allows, in the meter's unit.")
    def limit(self) -> float:
        return float(self.found.limit)

    @strawberry.field(description="The same in words, with what new actions do.")
    def message(self) -> str:
        return self.found.message

    @strawberry.field(description="When a refresh found it exceeded.")
    def since(self) -> datetime:
        return self.found.since


@strawberry.type(description="What people are warned of. Nothing where the contract switches warnings off.")
class Warnings:
    found: strawberry.Private[FoundWarnings]

    @strawberry.field(description="Whether the contract switches warnings on.")
    def enabled(self) -> bool:
        return self.found.enabled

    @strawberry.field(description='The red halo on the account icon and on "My consumption".')
    def halo(self) -> bool:
        return self.found.halo

    @strawberry.field(description="A notice for each exceeded limit and application that it concerns.")
    def notices(
        self,
        application: Annotated[
            str | None, strawberry.argument(description="Only for this one, with those for everywhere.")
        ] = None,
    ) -> list[Notice]:
        everywhere = ""
        return [
            Notice(found=one)
            for one in self.found.notices
            if application is None or one.application in (application, everywhere)
        ]
