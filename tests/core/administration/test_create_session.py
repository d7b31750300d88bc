"""Sessions: made with a key, never wider than it, and over at their end or with it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect
from sqlmodel import select

from core.access.authenticate import authenticate
from core.access.keys import Caller, Scope, create_key, find_caller_of_key, revoke_key
from core.access.person import Person
from core.access.sessions import find_ended, list_sessions
from core.access.tables import AccessSession, ApiKey
from core.administration.create_session import create_session
from core.administration.inputs import SessionInput
from core.administration.rules.sessions import check_session
from core.errors import AllowanceError, Forbidden, InvalidInput, NotFound, Unauthenticated
from tests.fixtures.engine import NOW, Engine

READ = Scope.CONSUMPTION_READ
ANN = Person("u-1", "Ann Smith", "fr-BE", admin=True)
ENDED = "This session has ended, or is not known. The back end that made it makes a new one."


def new_key(engine: Engine, *scopes: Scope, license: str | None = None) -> Caller:
    with engine.database.write() as session:
        key, _ = create_key(session, "portal", scopes or list(Scope), license, NOW)
        return find_caller_of_key(session, key.id)


def create(engine: Engine, caller: Caller, wanted: SessionInput, most: int = 100) -> tuple[AccessSession, str]:
    with engine.database.write() as session:
        return create_session(session, wanted, caller, most)


def found(engine: Engine, token: str) -> Caller:
    with engine.database.read() as session:
        return authenticate(session, f"Bearer {token}")


def end(engine: Engine, row: AccessSession) -> None:
    """Let a session end now: a session ends at its `expires_at`."""
    with engine.database.write() as session:
        stored = session.get_one(AccessSession, (row.license_id, row.id))
        stored.expires_at = stored.created_at
        session.add(stored)


def refused(act: Callable[[], object]) -> AllowanceError:
    with pytest.raises(AllowanceError) as error:
        act()
    return error.value


def test_a_session_is_its_license_and_person_with_the_name_of_its_key(engine: Engine) -> None:
    engine.license()
    key = new_key(engine)
    row, token = create(engine, key, SessionInput("acme", (READ, READ), 90, ANN))
    assert row.expires_at - row.created_at == timedelta(minutes=90)
    assert found(engine, token) == Caller(key.key_id, "portal", "acme", frozenset({READ}), row.id, ANN, row.expires_at)
    row, token = create(engine, key, SessionInput("acme", (READ,)))
    assert (row.expires_at - row.created_at, found(engine, token).person) == (timedelta(minutes=60), None)


def test_only_the_digest_of_the_token_is_kept_and_its_prefix_is_known(engine: Engine) -> None:
    engine.license()
    _, token = create(engine, new_key(engine), SessionInput("acme", (READ,)))
    assert token.startswith("alws_")
    assert len(token) == len("alws_") + 43
    with engine.database.read() as session:
        [row] = session.exec(select(AccessSession))
    assert token not in repr(row)
    assert len(row.digest) == 64


def test_a_session_is_nobodys_from_its_end_on(engine: Engine) -> None:
    engine.license()
    row, token = create(engine, new_key(engine), SessionInput("acme", (READ,)))
    other, kept = create(engine, new_key(engine), SessionInput("acme", (READ,)))
    end(engine, row)
    error = refused(lambda: found(engine, token))
    assert (type(error), error.message) == (Unauthenticated, ENDED)
    assert found(engine, kept).session == other.id
    with engine.database.read() as session:
        assert find_ended(session, [row.id, other.id, "unknown"]) == {row.id, "unknown"}
        assert find_ended(session, []) == set()
        assert [(one.id, name, license) for one, name, license in list_sessions(session, 10)] == [
            (other.id, "portal", "acme")
        ]


@pytest.mark.parametrize("token", ["alws_unknown", "alws_", "alws_\0", "alws_\ud800"])
def test_an_unknown_session_is_nobodys(engine: Engine, token: str) -> None:
    assert refused(lambda: found(engine, token)).message == ENDED


def test_a_revoked_key_ends_its_sessions_and_makes_no_other(engine: Engine) -> None:
    engine.license()
    key, other = new_key(engine), new_key(engine)
    _, token = create(engine, key, SessionInput("acme", (READ,)))
    _, kept = create(engine, other, SessionInput("acme", (READ,)))
    with engine.database.write() as session:
        revoke_key(session, key.key_id)
    assert refused(lambda: found(engine, token)).message == ENDED
    assert found(engine, kept).key_id == other.key_id
    error = refused(lambda: create(engine, key, SessionInput("acme", (READ,))))
    assert (type(error), error.message) == (Unauthenticated, "This key was revoked. Ask an operator for a new one.")
    with engine.database.read() as session:
        assert isinstance(refused(lambda: find_caller_of_key(session, key.key_id)), NotFound)
        assert len(list_sessions(session, 10)) == 1


def test_a_key_that_loses_a_scope_narrows_its_sessions(engine: Engine) -> None:
    engine.license()
    key = new_key(engine)
    _, token = create(engine, key, SessionInput("acme", (READ,)))
    with engine.database.write() as session:
        session.get_one(ApiKey, key.key_id).scopes = ["operate"]
    assert found(engine, token).scopes == frozenset()


@pytest.mark.parametrize(
    ("scopes", "of", "license", "message"),
    [
        (
            (Scope.OPERATE,),
            None,
            "acme",
            "This key lacks the scope consumption:read. Ask an operator for a key that has it.",
        ),
        ((READ,), "other", "acme", "This key does not give access to license 'acme'."),
        ((READ,), "other", "nothing", "This key does not give access to license 'nothing'."),
    ],
)
def test_a_session_is_never_wider_than_its_key(
    engine: Engine, scopes: tuple[Scope, ...], of: str | None, license: str, message: str
) -> None:
    engine.license()
    engine.license("other")
    key = new_key(engine, *scopes, license=of)
    error = refused(lambda: create(engine, key, SessionInput(license, (READ,))))
    assert (type(error), error.message) == (Forbidden, message)


def test_a_session_makes_no_session(engine: Engine) -> None:
    engine.license()
    _, token = create(engine, new_key(engine), SessionInput("acme", (READ,)))
    session = found(engine, token)
    error = refused(lambda: create(engine, session, SessionInput("acme", (READ,))))
    assert (type(error), error.message) == (
        Forbidden, "A session cannot create or end sessions. The back end does so with its key."
    )  # fmt: skip


def test_a_key_for_all_licenses_is_told_of_an_unknown_one(engine: Engine) -> None:
    engine.license()
    error = refused(lambda: create(engine, new_key(engine), SessionInput("acne", (READ,))))
    assert (type(error), error.message) == (NotFound, "No license 'acne'. Did you mean 'acme'?")


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not READ])
def test_what_no_browser_may_do_is_refused_with_a_code(engine: Engine, scope: Scope) -> None:
    engine.license()
    error = refused(lambda: create(engine, new_key(engine), SessionInput("acme", (READ, scope))))
    assert isinstance(error, InvalidInput)
    assert [(one.code, one.path) for one in error.problems] == [("SCOPE_NOT_FOR_SESSIONS", ("scopes", "1"))]


@given(st.integers() | st.sampled_from([0, 1, 1440, 1441]))
def test_a_session_is_between_a_minute_and_a_day(minutes: int) -> None:
    wanted = SessionInput("acme", (READ,), minutes)
    if 1 <= minutes <= 1440:
        check_session(wanted)
        return
    error = refused(lambda: check_session(wanted))
    assert isinstance(error, InvalidInput)
    [problem] = error.problems
    assert (problem.code, problem.message, problem.path) == (
        "BAD_INPUT", f"minutes must be from 1 to 1440, not {minutes}.", ("minutes",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (SessionInput("acme", ()), ("scopes",)),
        (SessionInput("acme", (READ,), person=Person("")), ("person", "id")),
        (SessionInput("acme", (READ,), person=Person("x" * 201)), ("person", "id")),
        (SessionInput("acme", (READ,), person=Person("a\0")), ("person", "id")),
        (SessionInput("acme", (READ,), person=Person("a", "")), ("person", "name")),
        (SessionInput("acme", (READ,), person=Person("a", "x" * 201)), ("person", "name")),
        (SessionInput("acme", (READ,), person=Person("a", None, "French")), ("person", "language")),
    ],
)
def test_a_wrong_input_names_its_field(wanted: SessionInput, path: tuple[str, ...]) -> None:
    error = refused(lambda: check_session(wanted))
    assert isinstance(error, InvalidInput)
    assert [(one.code, one.path) for one in error.problems] == [("BAD_INPUT", path)]


def test_a_key_has_so_many_sessions_that_have_not_ended(engine: Engine) -> None:
    engine.license()
    key, other = new_key(engine), new_key(engine)
    first, _ = create(engine, key, SessionInput("acme", (READ,)), most=2)
    create(engine, key, SessionInput("acme", (READ,)), most=2)
    error = refused(lambda: create(engine, key, SessionInput("acme", (READ,)), most=2))
    assert isinstance(error, InvalidInput)
    assert [(one.code, one.path) for one in error.problems] == [("TOO_MANY_SESSIONS", ("license",))]
    create(engine, other, SessionInput("acme", (READ,)), most=2)
    end(engine, first)
    create(engine, key, SessionInput("acme", (READ,)), most=2)


def test_the_sessions_of_open_connections_are_looked_up_by_an_index(engine: Engine) -> None:
    engine.license()
    row, _ = create(engine, new_key(engine), SessionInput("acme", (READ,)))
    names = {index["name"]: index["unique"] for index in inspect(engine.database.engine).get_indexes("access_session")}
    assert names["access_session_id"] in (True, 1)
    with engine.database.read() as session:
        assert find_ended(session, [row.id]) == set()


def test_sessions_made_at_the_same_time_keep_to_the_bound(engine: Engine) -> None:
    engine.license()
    key = new_key(engine)

    def attempt(_: int) -> bool:
        try:
            create(engine, key, SessionInput("acme", (READ,)), most=5)
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(16))) == 5
