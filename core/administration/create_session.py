"""The creation of sessions, which back ends give to browsers."""

from sqlmodel import Session

from core.access.keys import Caller
from core.access.sessions import open_session
from core.access.tables import AccessSession
from core.administration.inputs import SessionInput
from core.administration.rules.sessions import check_session
from core.licenses.find import find_license, no_license


def create_session(session: Session, given: SessionInput, caller: Caller, most: int) -> tuple[AccessSession, str]:
    """Create a session of the caller's key.

    Args:
        session: A writing session of the database.
        given: The session to create.
        caller: The key that the session belongs to.
        most: The largest number of sessions of a key that have not ended.

    Returns:
        The row of the session, and the token, which is not stored.

    Raises:
        core.errors.Forbidden: The caller is a session, or lacks a scope of the session, or access to the license.
        core.errors.NotFound: The license does not exist, and the key is for all licenses.
        InvalidInput: The input is wrong, or the key has too many sessions.
    """
    caller.require_key()
    caller.require(*caller.scopes, license=given.license)
    check_session(given)
    for scope in given.scopes:
        caller.require(scope)
    license = find_license(session, given.license)
    if license is None:
        raise no_license(session, given.license)
    return open_session(session, caller, license, given.scopes, given.minutes, given.person, most)
