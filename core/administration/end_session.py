"""The end of a session before its time: a person signs out at the back end."""

from sqlmodel import Session, col, select

from core.access.keys import READERS, Caller, Scope
from core.access.tables import AccessSession
from core.administration.rules.problems import Problems
from core.database.dialect import current_time
from core.errors import InputProblem, InvalidInput
from core.licenses.tables import License
from core.text import shown


def end_session(session: Session, ended: str, caller: Caller | None) -> AccessSession:
    """End a session now. A session that has ended keeps its end.

    The clock of the database tells the time, as it does for the end of every session.

    Args:
        session: A writing session of the database.
        ended: The id of the session to end.
        caller: The key that ends it: a key ends its own sessions, with `operate` those of each license that it reaches.
            None for an operator at the command line, who ends any.

    Returns:
        The row of the session, whose `expires_at` is not later than now.

    Raises:
        core.errors.Forbidden: The caller is a session, or a key without a scope that reads.
        InvalidInput: The caller may end no session with this id.
    """
    if caller is not None:
        caller.require_key()
        caller.require(*READERS)
    problems = Problems()
    problems.text(ended, 200, "session")
    problems.raise_if_any()
    found = session.execute(
        select(AccessSession, License.key, current_time(session))
        .join(License, col(License.id) == col(AccessSession.license_id))
        .where(AccessSession.id == ended)
        .with_for_update(of=AccessSession)
    ).first()
    if found is None or not _may_end(caller, found[0], found[1]):
        whose = "" if caller is None else " of this key"
        message = f"No session {shown(ended)}{whose}. A session is forgotten an hour after its end."
        raise InvalidInput([InputProblem("UNKNOWN_SESSION", message, ("session",))])
    row: AccessSession = found[0]
    row.expires_at = min(row.expires_at, found[2])
    session.add(row)
    session.flush()
    return row


def _may_end(caller: Caller | None, row: AccessSession, license: str) -> bool:
    if caller is None or row.key_id == caller.key_id:
        return True
    return Scope.OPERATE in caller.scopes and caller.may_reach(license)
