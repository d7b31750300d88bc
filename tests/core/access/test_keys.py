"""API keys: shown once, known by their digest, and good for what they name alone."""

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from sqlmodel import select

from core.access.authenticate import authenticate
from core.access.keys import Caller, Scope, create_key, find_revoked, list_keys, revoke_key
from core.access.tables import ApiKey
from core.errors import AllowanceError, BadInput, Forbidden, NotFound, Unauthenticated
from tests.fixtures.engine import NOW, Engine

READ, WRITE = Scope.CONSUMPTION_READ, Scope.USAGE_WRITE
SCOPES = "consumption:read, usage:write, contract:write, check-in:write, webhooks:write, operate"
UNKNOWN = "This token is not known, or was revoked. Ask an operator for a new one."
MISSING = "Send a token: 'Authorization: Bearer …'. An operator makes one: allowance keys create."


def create(
    engine: Engine,
    name: str = "front end",
    scopes: Collection[str] = (READ,),
    license: str | None = None,
    now: datetime = NOW,
) -> tuple[ApiKey, str]:
    with engine.database.write() as session:
        return create_key(session, name, scopes, license, now)


def caller(engine: Engine, authorization: str | None) -> Caller:
    with engine.database.read() as session:
        return authenticate(session, authorization)


def revoke(engine: Engine, key_id: str) -> ApiKey:
    with engine.database.write() as session:
        return revoke_key(session, key_id)


def test_a_key_is_its_license_and_scopes(engine: Engine) -> None:
    engine.license()
    key, token = create(engine, scopes=[WRITE, READ, READ], license="acme")
    assert caller(engine, f"Bearer {token}") == Caller(key.id, "front end", "acme", frozenset({READ, WRITE}))
    _, token = create(engine, "operator", ["operate"])
    found = caller(engine, f"bearer  {token} ")
    assert (found.license, found.scopes) == (None, frozenset({Scope.OPERATE}))


def test_only_the_digest_of_a_token_is_kept(engine: Engine) -> None:
    _, token = create(engine)
    assert token.startswith("alw_")
    assert len(token) == len("alw_") + 43
    with engine.database.read() as session:
        [row] = session.exec(select(ApiKey))
    assert token not in repr(row)
    assert len(row.digest) == 64
    assert create(engine)[1] != token


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer    ", "Basic dXNlcjpwYXNz", "alw_abc"]
)
def test_without_a_token_the_caller_is_told_to_send_one(engine: Engine, authorization: str | None) -> None:
    with pytest.raises(Unauthenticated) as refused:
        caller(engine, authorization)
    assert (refused.value.code, refused.value.status, refused.value.message) == ("UNAUTHENTICATED", 401, MISSING)


@pytest.mark.parametrize("token", ["alw_unknown", "x", "\0", "é😀", "\ud800", "x" * 100_000])
def test_an_unknown_token_is_nobodys(engine: Engine, token: str) -> None:
    create(engine)
    with pytest.raises(Unauthenticated) as refused:
        caller(engine, f"Bearer {token}")
    assert refused.value.message == UNKNOWN


def test_a_revoked_key_is_nobodys_from_then_on(engine: Engine, clock: time_machine.Traveller) -> None:
    key, token = create(engine)
    other, _ = create(engine, "other")
    assert revoke(engine, key.id).revoked_at == NOW
    with pytest.raises(Unauthenticated) as refused:
        caller(engine, f"Bearer {token}")
    assert refused.value.message == UNKNOWN

    clock.move_to(NOW + timedelta(hours=1))
    assert revoke(engine, key.id).revoked_at == NOW
    with engine.database.read() as session:
        assert {key.id: key.revoked_at for key, _ in list_keys(session)} == {key.id: NOW, other.id: None}


def test_revoking_what_is_not_there_says_where_to_look(engine: Engine) -> None:
    with pytest.raises(NotFound) as refused:
        revoke(engine, "nothing")
    assert refused.value.message == "No key 'nothing'. 'allowance keys list' names them."


def test_keys_are_listed_newest_first_with_their_licenses(engine: Engine) -> None:
    engine.license()
    create(engine, "old", now=NOW)
    create(engine, "new", license="acme", now=NOW + timedelta(hours=1))
    with engine.database.read() as session:
        assert [(key.name, license, key.scopes) for key, license in list_keys(session)] == [
            ("new", "acme", ["consumption:read"]),
            ("old", None, ["consumption:read"]),
        ]


@pytest.mark.parametrize(
    ("name", "scopes", "license", "error", "message"),
    [
        ("", [READ], None, BadInput, "The name of a key must not be empty."),
        ("a\nb", [READ], None, BadInput, "The name of a key must not hold control characters."),
        ("x" * 201, [READ], None, BadInput, "The name of a key must have 200 characters at most, not 201."),
        ("n", [], None, BadInput, f"A key needs a scope. The scopes are {SCOPES}."),
        ("n", ["root"], None, BadInput, f"No scope 'root'. The scopes are {SCOPES}."),
        (
            "n",
            [READ, "usage:wrote"],
            None,
            BadInput,
            f"No scope 'usage:wrote'. Did you mean 'usage:write'? The scopes are {SCOPES}.",
        ),
        ("n", [READ], "acne", NotFound, "No license 'acne'. Did you mean 'acme'?"),
        ("n", [READ], "\0", NotFound, r"No license '\x00'."),
    ],
)
def test_a_key_that_could_not_be_used_is_not_made(
    engine: Engine, name: str, scopes: list[str], license: str | None, error: type[AllowanceError], message: str
) -> None:
    engine.license()
    with pytest.raises(error) as refused:
        create(engine, name, scopes, license)
    assert refused.value.message == message
    with engine.database.read() as session:
        assert list_keys(session) == []


def test_which_of_many_keys_were_revoked_is_found_at_once(engine: Engine) -> None:
    kept, ended, not_asked = (create(engine, name)[0].id for name in ("kept", "ended", "not asked"))
    revoke(engine, ended)
    revoke(engine, not_asked)
    with engine.database.read() as session:
        assert find_revoked(session, []) == set()
        assert find_revoked(session, [kept, ended, "unknown"]) == {ended}


def test_a_key_whose_license_is_gone_opens_nothing(engine: Engine) -> None:
    engine.license()
    key, token = create(engine, license="acme")
    engine.license("globex")
    kept, _ = create(engine, "kept", license="globex")
    lose_license(engine, key.id)
    with engine.database.read() as session:
        with pytest.raises(Unauthenticated) as refused:
            authenticate(session, f"Bearer {token}")
        assert refused.value.message == "The license of this token is gone. Ask an operator for a new one."
        assert find_revoked(session, [key.id, kept.id]) == {key.id}


def lose_license(engine: Engine, key_id: str) -> None:
    """Leave a key without the row of its license, as a restored part of a backup would."""
    update = sa.text("UPDATE api_key SET license_id = 999999 WHERE id = :id")
    with engine.database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if engine.database.is_sqlite:
            connection.exec_driver_sql("COMMIT")  # the pragma has no effect in a transaction
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        connection.execute(update, {"id": key_id})
        connection.invalidate()


def test_a_scope_that_this_version_does_not_know_gives_nothing(engine: Engine) -> None:
    key, token = create(engine)
    with engine.database.write() as session:
        session.get_one(ApiKey, key.id).scopes = ["consumption:read", "of:the-future"]
    assert caller(engine, f"Bearer {token}").scopes == frozenset({READ})


def forbidden(caller: Caller, *scopes: Scope, license: str | None = None) -> str:
    with pytest.raises(Forbidden) as refused:
        caller.require(*scopes, license=license)
    assert (refused.value.code, refused.value.status) == ("FORBIDDEN", 403)
    return refused.value.message


def test_a_caller_may_do_what_its_scopes_say_with_the_license_it_names() -> None:
    one = Caller("1", "one", "acme", frozenset({READ}))
    every = Caller("2", "every", None, frozenset({READ, WRITE}))
    one.require(READ, license="acme")
    one.require(WRITE, READ)
    every.require(WRITE, license="anything at all")
    every.require_all_licenses(READ)
    assert [one.may_reach(key) for key in ("acme", "Acme", "acme ", "")] == [True, False, False, False]
    assert forbidden(one, WRITE) == "This key lacks the scope usage:write. Ask an operator for a key that has it."
    assert forbidden(one, WRITE, Scope.OPERATE, license="acme").startswith(
        "This key lacks the scope usage:write or operate."
    )
    assert forbidden(one, READ, license="other") == "This key does not give access to license 'other'."
    with pytest.raises(Forbidden) as refused:
        one.require_all_licenses(READ)
    assert refused.value.message == "This key is for one license; a key made with --all-licenses is needed here."
