"""Sessions: short-lived tokens for browsers, each made with an API key for one license.

A session is a row, not a signed token. A token costs one look-up either way, since a revoked key has to end its
sessions; and a row needs no secret that all servers share and rotate. The clock of the database alone decides that a
session has ended, so that servers whose clocks differ agree.
"""

import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sqlalchemy import String
from sqlmodel import Session, col, func, select

from core.access.keys import Caller, Scope, digest_of, known_scopes
from core.access.person import Person, read_person, stored_person
from core.access.tables import AccessSession, ApiKey
from core.database.dialect import current_time, values_table
from core.errors import InputProblem, InvalidInput, Unauthenticated
from core.licenses.tables import License, id_of

SESSION_PREFIX: Final = "alws_"
"""The prefix of the tokens of sessions, by which leaked tokens are found."""
SESSION_SCOPES: Final = (Scope.CONSUMPTION_READ,)
"""The scopes that a browser may have. With it a person reads, requests refreshes, and requests credits.

The other scopes change what is counted, agreed or sent, for everybody: back ends do that, with keys.
"""
MOST_MINUTES: Final = 24 * 60


def open_session(
    session: Session,
    caller: Caller,
    license: License,
    scopes: Collection[Scope],
    minutes: int,
    person: Person | None,
    most: int,
) -> tuple[AccessSession, str]:
    """Create a session of the caller's key.

    Args:
        session: A writing session of the database.
        caller: The key, which has the scopes and reaches the license.
        license: The license that the session may read.
        scopes: The scopes, among SESSION_SCOPES.
        minutes: The minutes until the session ends.
        person: The person who gets the token; None if the back end does not say.
        most: The largest number of sessions of a key that have not ended.

    Returns:
        The row of the session, and the token, which is not stored.

    Raises:
        Unauthenticated: The key was revoked meanwhile.
        InvalidInput: The key has `most` sessions.
    """
    # The lock lets the sessions of a key be counted one after the other.
    locked = select(ApiKey.id).where(ApiKey.id == caller.key_id, col(ApiKey.revoked_at).is_(None))
    if session.exec(locked.with_for_update(key_share=True)).first() is None:
        raise Unauthenticated("This key was revoked. Ask an operator for a new one.")
    now = session.execute(select(current_time(session))).scalar_one()
    open_now = select(func.count()).where(AccessSession.key_id == caller.key_id, col(AccessSession.expires_at) > now)
    if session.exec(open_now).one() >= most:
        message = (
            f"{most} sessions of this key have not ended. Use the token of a person again until shortly before its end."
        )
        raise InvalidInput([InputProblem("TOO_MANY_SESSIONS", message, ("license",))])
    token = SESSION_PREFIX + secrets.token_urlsafe(32)
    row = AccessSession(
        license_id=id_of(license),
        id=secrets.token_hex(8),
        digest=digest_of(token),
        key_id=caller.key_id,
        scopes=sorted(set(scopes)),
        person=stored_person(person),
        created_at=now,
        expires_at=now + timedelta(minutes=minutes),
    )
    session.add(row)
    session.flush()
    return row, token


def find_session_caller(session: Session, token: str) -> Caller:
    """Return the caller of a session's token.

    Raises:
        Unauthenticated: The session is not known or has ended, or its key was revoked.
    """
    found = session.execute(
        select(AccessSession, ApiKey, License.key)
        .join(ApiKey, col(ApiKey.id) == col(AccessSession.key_id))
        .join(License, col(License.id) == col(AccessSession.license_id))
        .where(
            AccessSession.digest == digest_of(token),
            col(AccessSession.expires_at) > current_time(session),
            col(ApiKey.revoked_at).is_(None),
        )
    ).first()
    if found is None:
        raise Unauthenticated("This session has ended, or is not known. The back end that made it makes a new one.")
    row, key, license = found
    scopes = known_scopes(row.scopes) & known_scopes(key.scopes) & frozenset(SESSION_SCOPES)
    return Caller(key.id, key.name, license, scopes, row.id, read_person(row.person), row.expires_at)


def list_sessions(session: Session, most: int) -> list[tuple[AccessSession, str, str]]:
    """Return the sessions that have not ended, newest first, with the names of their keys and the keys of licenses."""
    rows = session.execute(
        select(AccessSession, ApiKey.name, License.key)
        .join(ApiKey, col(ApiKey.id) == col(AccessSession.key_id))
        .join(License, col(License.id) == col(AccessSession.license_id))
        .where(col(AccessSession.expires_at) > current_time(session), col(ApiKey.revoked_at).is_(None))
        .order_by(col(AccessSession.created_at).desc(), col(AccessSession.id))
        .limit(most)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def find_ended(session: Session, sessions: Collection[str]) -> set[str]:
    """Return the ids of sessions that have ended among these ids."""
    if not sessions:
        return set()
    wanted = values_table(session, {"id": String()}, [(one,) for one in sessions])
    alive = (
        select(col(AccessSession.id))
        .join(wanted, wanted.c.id == col(AccessSession.id))
        .where(col(AccessSession.expires_at) > current_time(session))
    )
    return set(sessions).difference(session.execute(alive).scalars())
