"""The authentication of a bearer token: of a key, or of a session."""

from sqlmodel import Session

from core.access.keys import Caller, find_key_caller
from core.access.sessions import SESSION_PREFIX, find_session_caller
from core.errors import Unauthenticated


def authenticate(session: Session, authorization: str | None) -> Caller:
    """Return the caller of an ``Authorization: Bearer`` header, with one statement.

    Raises:
        Unauthenticated: There is no token, or neither a key nor a session matches it.
    """
    kind, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated("Send a token: 'Authorization: Bearer …'. An operator makes one: allowance keys create.")
    if token.startswith(SESSION_PREFIX):
        return find_session_caller(session, token)
    return find_key_caller(session, token)
