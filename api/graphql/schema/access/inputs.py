"""The inputs of the mutations of sessions."""

import strawberry

from api.graphql.schema.common.enums import describe_enum
from core.access.keys import Scope

describe_enum(
    Scope,
    "A scope of an API key or of a session. `Viewer.scopes` and the command line write it as `consumption:read`.",
    CONSUMPTION_READ="`consumption:read`: read contracts and consumption, and request refreshes and credits.",
    USAGE_WRITE="`usage:write`: send usage.",
    CONTRACT_WRITE="`contract:write`: change licenses, contracts, grants, entities and counted usage.",
    CHECK_IN_WRITE="`check-in:write`: check installations in.",
    WEBHOOKS_WRITE="`webhooks:write`: manage webhook endpoints.",
    OPERATE="`operate`: read everything; with a key for all licenses also the list of licenses, and metrics.",
)


@strawberry.input(description="A person for whom a session is made. It is recorded with what the person requests.")
class PersonInput:
    id: str = strawberry.field(description="The id of the person at the back end, at most 200 characters.")
    name: str | None = strawberry.field(default=None, description="The name of the person, at most 200 characters.")
    language: str | None = strawberry.field(
        default=None, description="The language tag of the person, for example `fr`."
    )
    admin: bool = strawberry.field(
        default=False,
        description="Whether the person is an admin of the license. Front ends see it; it changes no permission.",
    )


@strawberry.input(description="A session to create.")
class SessionInput:
    license: str = strawberry.field(description="The key of the only license that the session may read.")
    scopes: list[Scope] = strawberry.field(
        description="The scopes of the session, each of which its key must have. A session may have `CONSUMPTION_READ` "
        "alone, since it is for a browser: others fail with `SCOPE_NOT_FOR_SESSIONS`."
    )
    minutes: int = strawberry.field(default=60, description="The minutes until the session ends, from 1 to 1440.")
    person: PersonInput | None = strawberry.field(
        default=None, description="The person who gets the token. The default is no person."
    )


@strawberry.input(description="A session to end.")
class EndSessionInput:
    session: str = strawberry.field(description="The id of the session: `session` of `createSession`.")
