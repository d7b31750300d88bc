"""The mutations of sessions."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.access.inputs import EndSessionInput, SessionInput
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from core.access.person import Person
from core.administration import create_session as sessions
from core.administration import end_session as ending
from core.administration import inputs


@strawberry.type(description="The result of `createSession`.")
class CreateSessionResult:
    token: str | None = strawberry.field(
        default=None,
        description="The token of the session, for `Authorization: Bearer …`. It is shown only once. Null if there are "
        "errors.",
    )
    session: str | None = strawberry.field(
        default=None, description="The id of the session, for `endSession`. Null if there are errors."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="The time at which the session ends. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `endSession`.")
class EndSessionResult:
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="The time at which the session ended: now, or earlier if it had ended before. Null if there are "
        "errors.",
    )
    errors: list[InputError] = errors_field()


@strawberry.mutation(
    description="Create a session: a short-lived token that reads one license, which a back end gives to a browser. It "
    "ends by itself, with `endSession`, and when the key that made it is revoked. It needs a key; a session cannot "
    "create sessions."
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
        session_id, expires_at = row.id, row.expires_at
    return CreateSessionResult(token=token, session=session_id, expires_at=expires_at)


@strawberry.mutation(
    description="End a session now, when its person signs out. Its connections are closed within two seconds. A key "
    "ends the sessions that it created; with the scope `operate` it ends those of every license that it reaches. "
    "Ending a session again changes nothing. A session cannot end sessions."
)
@reports_errors(EndSessionResult)
def end_session(
    info: Info, input: Annotated[EndSessionInput, strawberry.argument(description="The session.")]
) -> EndSessionResult:
    with info.context.write() as session:
        expires_at = ending.end_session(session, input.session, info.context.caller).expires_at
    return EndSessionResult(expires_at=expires_at)
