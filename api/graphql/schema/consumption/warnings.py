"""Warnings and notices in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.meters.meter import Meter
from api.graphql.schema.meters.unit import Application, application_in_words
from core.consumption.warnings import Notice as NoticeRecord
from core.consumption.warnings import Warnings as WarningsRecord
from core.consumption.warnings import notice_in_words


@strawberry.type(description="A notice: a limit is exceeded, and an application shows it as long as that lasts.")
class Notice:
    record: strawberry.Private[NoticeRecord]

    @strawberry.field(description="The meter whose limit is exceeded.")
    def meter(self, info: Info) -> Meter:
        return Meter(meter=self.record.meter, words=info.context.words)

    @strawberry.field(
        description="The key of the application that shows the notice. Empty if the notice concerns every application.",
        deprecation_reason="Use `shownIn`, which has the title too. This field may be removed from 2028-01-01.",
    )
    def application(self) -> str:
        return self.record.application

    @strawberry.field(
        description="The application that shows the notice. Null if the notice concerns every application."
    )
    def shown_in(self, info: Info) -> Application | None:
        found = info.context.services.registry.applications.get(self.record.application)
        return None if found is None else application_in_words(found, info.context.words)

    @strawberry.field(description="The status of the reading: always EXCEEDED.")
    def status(self) -> UsageStatus:
        return self.record.status

    @strawberry.field(description="The usage in the meter's unit.")
    def used(self) -> float:
        return float(self.record.used)

    @strawberry.field(description="The limit in the meter's unit.")
    def limit(self) -> float:
        return float(self.record.limit)

    @strawberry.field(description="The text to show, with the effect of new actions.")
    def message(self, info: Info) -> str:
        return notice_in_words(self.record, info.context.words)

    @strawberry.field(description="The time at which a refresh found the limit exceeded.")
    def since(self) -> datetime:
        return self.record.since


@strawberry.type(description="The warnings of a license. They are empty if the contract disables warnings.")
class Warnings:
    record: strawberry.Private[WarningsRecord]

    @strawberry.field(description="True if the contract enables warnings.")
    def enabled(self) -> bool:
        return self.record.enabled

    @strawberry.field(
        description='True if the account icon and "My consumption" show a red halo: at least one limit is exceeded.'
    )
    def halo(self) -> bool:
        return self.record.halo

    @strawberry.field(
        description="The notices: one for each exceeded limit and each application that the limit concerns."
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
            Notice(record=notice)
            for notice in self.record.notices
            if application is None or notice.application in (application, everywhere)
        ]
