"""API keys: creation, look-up, revocation. A token is shown once; only its digest is stored."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import String
from sqlmodel import Session, and_, col, or_, select

from core.access.person import Person
from core.access.tables import ApiKey
from core.database.dialect import values_table
from core.errors import BadInput, Forbidden, NotFound, Unauthenticated
from core.licenses.find import find_license, no_license
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.text import problem_with, shown

TOKEN_PREFIX: Final = "alw_"  # noqa: S105 - the prefix of tokens, by which leaked tokens are found


class Scope(StrEnum):
    """A permission of an API key."""

    CONSUMPTION_READ = "consumption:read"
    USAGE_WRITE = "usage:write"
    CONTRACT_WRITE = "contract:write"
    CHECK_IN_WRITE = "check-in:write"
    WEBHOOKS_WRITE = "webhooks:write"
    OPERATE = "operate"


READERS: Final = (Scope.CONSUMPTION_READ, Scope.OPERATE)
"""The scopes that may read contracts and consumption."""
WEBHOOK_READERS: Final = (Scope.WEBHOOKS_WRITE, Scope.OPERATE)
"""The scopes that may read webhook endpoints. Their URLs may contain secrets."""


class Caller(NamedTuple):
    """The API key or the session of a request: its name, its license (None for all licenses) and its scopes.

    A session has the id and the name of its key. Only a session has the id `session`, an end, and perhaps a person.
    """

    key_id: str
    name: str
    license: str | None
    scopes: frozenset[Scope]
    session: str | None = None
    person: Person | None = None
    expires_at: datetime | None = None

    @property
    def language(self) -> str | None:
        """The language tag of the session's person, or None if it is not known."""
        return self.person.language if self.person else None

    @property
    def kind(self) -> str:
        """The word for the credential in messages."""
        return "session" if self.session else "key"

    @property
    def audience(self) -> "Caller":
        """The caller without the person: all callers of an audience may see the same of a license."""
        return self._replace(session="any", person=None, expires_at=None) if self.session else self

    @property
    def account(self) -> str:
        """The name under which the use of a server is counted: the key, or the key and the license of a session.

        So the people of one license cannot use up what a back end's key leaves for the people of another license.
        """
        return f"{self.key_id} {self.license}" if self.session else self.key_id

    @property
    def may_read(self) -> bool:
        """True if the key may read contracts and consumption, and with them the names of what it reaches."""
        return not self.scopes.isdisjoint(READERS)

    def may_reach(self, license: str) -> bool:
        """Return whether the caller is for this license or for all licenses."""
        return self.license is None or self.license == license

    def require(self, *scopes: Scope, license: str | None = None) -> None:
        """Require one of the scopes, and access to the license if a license is named.

        Raises:
            Forbidden: The caller lacks the scopes or the access. The message does not tell whether the license exists.
        """
        if not self.scopes.intersection(scopes):
            needed = " or ".join(scopes)
            hint = "Use a key in a back end." if self.session else "Ask an operator for a key that has it."
            raise Forbidden(f"This {self.kind} lacks the scope {needed}. {hint}")
        if license is not None and not self.may_reach(license):
            raise Forbidden(f"This {self.kind} does not give access to license {shown(license)}.")

    def require_key(self) -> None:
        """Require a key. Raises :class:`Forbidden` for a session, which could prolong itself or end others."""
        if self.session is not None:
            raise Forbidden("A session cannot create or end sessions. The back end does so with its key.")

    def require_all_licenses(self, *scopes: Scope) -> None:
        """Require one of the scopes, and a key for all licenses. Raises :class:`Forbidden`."""
        self.require(*scopes)
        if self.license is not None:
            raise Forbidden(f"This {self.kind} is for one license; a key made with --all-licenses is needed here.")


def create_key(
    session: Session, name: str, scopes: Collection[str], license: str | None, now: datetime
) -> tuple[ApiKey, str]:
    """Create an API key.

    Args:
        session: A writing session.
        name: The name of the key.
        scopes: The scopes of the key.
        license: The key of its license; None for all licenses.
        now: The present time.

    Returns:
        The row of the key, and the token, which is not stored.

    Raises:
        BadInput: The name or a scope is wrong.
        core.errors.NotFound: The license does not exist.
    """
    problem = problem_with(name, 200)
    if problem:
        raise BadInput(f"The name of a key {problem}.")
    known = [scope.value for scope in Scope]
    for scope in scopes:
        if scope not in known:
            raise BadInput(f"No scope {shown(scope)}.{did_you_mean(scope, known)} The scopes are {', '.join(known)}.")
    if not scopes:
        raise BadInput(f"A key needs a scope. The scopes are {', '.join(known)}.")
    license_id = None
    if license is not None:
        row = find_license(session, license)
        if row is None:
            raise no_license(session, license)
        license_id = row.id
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        id=secrets.token_hex(6),
        name=name,
        digest=digest_of(token),
        license_id=license_id,
        scopes=sorted(set(scopes)),
        created_at=now,
    )
    session.add(key)
    session.flush()
    return key, token


def find_key_caller(session: Session, token: str) -> Caller:
    """Return the caller of a key's token. Raises :class:`Unauthenticated` if no key matches."""
    row = session.execute(
        select(ApiKey, License.key)
        .outerjoin(License, col(License.id) == col(ApiKey.license_id))
        .where(ApiKey.digest == digest_of(token), col(ApiKey.revoked_at).is_(None))
    ).first()
    if row is None:
        raise Unauthenticated("This token is not known, or was revoked. Ask an operator for a new one.")
    return caller_of(*row)


def find_caller_of_key(session: Session, key_id: str) -> Caller:
    """Return the caller of a key that an operator names by its id.

    Raises:
        NotFound: There is no such key, or it was revoked.
    """
    row = session.execute(
        select(ApiKey, License.key)
        .outerjoin(License, col(License.id) == col(ApiKey.license_id))
        .where(ApiKey.id == key_id, col(ApiKey.revoked_at).is_(None))
    ).first()
    if row is None:
        raise NotFound(f"No key {shown(key_id)} that was not revoked. 'allowance keys list' names them.")
    return caller_of(*row)


def caller_of(key: ApiKey, license: str | None) -> Caller:
    """Return the caller of a key, with the key of its license.

    Raises:
        Unauthenticated: The license of the key is gone.
    """
    if key.license_id is not None and license is None:
        raise Unauthenticated("The license of this token is gone. Ask an operator for a new one.")
    return Caller(key.id, key.name, license, known_scopes(key.scopes))


def known_scopes(stored: Collection[str]) -> frozenset[Scope]:
    """Return stored scopes without those that this version does not know."""
    return frozenset(Scope(scope) for scope in stored if scope in list(Scope))


def list_keys(session: Session) -> list[tuple[ApiKey, str | None]]:
    """Return all API keys, newest first, with the key of their license; None for all licenses, or if it is gone."""
    rows = session.execute(
        select(ApiKey, License.key)
        .outerjoin(License, col(License.id) == col(ApiKey.license_id))
        .order_by(col(ApiKey.created_at).desc(), col(ApiKey.id))
    )
    return [(row[0], row[1]) for row in rows]


def revoke_key(session: Session, key_id: str) -> ApiKey:
    """Revoke an API key, which ends its sessions. Revoking it again changes nothing.

    Raises:
        NotFound: No key has the id.
    """
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound(f"No key {shown(key_id)}. 'allowance keys list' names them.")
    key.revoked_at = key.revoked_at or datetime.now(UTC)
    session.add(key)
    return key


def find_revoked(session: Session, keys: Collection[str]) -> set[str]:
    """Return the ids among these of API keys that are revoked, or whose license is gone."""
    wanted = values_table(session, {"id": String()}, [(key,) for key in keys])
    revoked = (
        select(col(ApiKey.id))
        .join(wanted, wanted.c.id == col(ApiKey.id))
        .outerjoin(License, col(License.id) == col(ApiKey.license_id))
        .where(
            or_(
                col(ApiKey.revoked_at).is_not(None),
                and_(col(ApiKey.license_id).is_not(None), col(License.id).is_(None)),
            )
        )
    )
    return set(session.execute(revoked).scalars())


def digest_of(token: str) -> str:
    """Return the digest of a token. Tokens have 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
