"""The mutation of sessions."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.access.inputs import SessionInput
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from core.access.person import Person
from core.administration import create_session as sessions
from core.administration import inputs


@strawberry.type(description="The result of `createSession`.")
class CreateSessionResult:
    token: str | None = strawberry.field(
        default=None,
        description="The token of the session, for `Authorization: Bearer …`. It is shown only once. Null if there are "
        "errors.",
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="The time at which the session ends. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.mutation(
    description="Create a session: a short-lived token that reads one license, which a back end gives to a browser. It "
    "ends by itself, and when the key that made it is revoked. It needs a key; a session cannot create sessions."
)
@reports_errors(CreateSessionResult)
def create_session(
    info: Info, input: Annotated[SessionInput, strawberry.argument(description="The session.")]
) -> CreateSessionResult:
    context = info.context
    person = input.person
    given = inputs.SessionInput(
        license=input.license,
        scopes=tuple(input.scopes),
        minutes=input.minutes,
        person=Person(person.id, person.name, person.language, person.admin) if person else None,
    )
    with context.write() as session:
        row, token = sessions.create_session(session, given, context.caller, context.services.settings.sessions_per_key)
        expires_at = row.expires_at
    return CreateSessionResult(token=token, expires_at=expires_at)
