"""The end of a session before its time: by its key, by an operator, and by nobody else."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.access.keys import Caller, Scope
from core.access.sessions import find_ended
from core.access.tables import AccessSession
from core.administration.end_session import end_session
from core.administration.inputs import SessionInput
from core.errors import Forbidden, InvalidInput, Unauthenticated
from tests.core.administration.test_create_session import ENDED, READ, create, found, new_key, refused
from tests.fixtures.engine import Engine

OF_ACME = SessionInput("acme", (READ,))


def end(engine: Engine, row: AccessSession, caller: Caller | None) -> AccessSession:
    with engine.database.write() as session:
        return end_session(session, row.id, caller)


def test_a_session_ends_now_and_others_of_its_key_stay(engine: Engine) -> None:
    engine.license()
    key = new_key(engine, READ)
    row, token = create(engine, key, OF_ACME, most=2)
    other, kept = create(engine, key, OF_ACME, most=2)
    ended = end(engine, row, key)
    assert row.created_at <= ended.expires_at < row.expires_at
    error = refused(lambda: found(engine, token))
    assert (type(error), error.message) == (Unauthenticated, ENDED)
    assert found(engine, kept).expires_at == other.expires_at
    with engine.database.read() as session:
        assert find_ended(session, [row.id, other.id]) == {row.id}
    create(engine, key, OF_ACME, most=2)  # there is room again


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.integers(-1440, 1440) | st.sampled_from([-1, 0, 1]))
def test_the_end_is_never_put_off(engine: Engine, minutes: int) -> None:
    engine.license()
    key = new_key(engine)
    row, _ = create(engine, key, OF_ACME, most=1000)
    stored = row.created_at + timedelta(minutes=minutes)
    with engine.database.write() as session:
        session.get_one(AccessSession, (row.license_id, row.id)).expires_at = stored
    first = end(engine, row, key).expires_at
    assert first == stored if minutes <= 0 else row.created_at <= first < stored
    assert end(engine, row, key).expires_at == first


def test_a_key_ends_its_own_sessions_and_an_operators_those_it_reaches(engine: Engine) -> None:
    engine.license()
    engine.license("other")
    owner = new_key(engine, READ)
    row, token = create(engine, owner, OF_ACME)
    strangers = (
        new_key(engine, READ),
        new_key(engine, *(scope for scope in Scope if scope is not Scope.OPERATE)),
        new_key(engine, Scope.OPERATE, license="other"),
    )
    for stranger in strangers:
        error = refused(lambda stranger=stranger: end(engine, row, stranger))  # type: ignore[misc]
        assert isinstance(error, InvalidInput)
        assert [(one.code, one.path) for one in error.problems] == [("UNKNOWN_SESSION", ("session",))]
        assert error.problems[0].message == (
            f"No session '{row.id}' of this key. A session is forgotten an hour after its end."
        )
        assert found(engine, token).session == row.id
    for operator in (new_key(engine, Scope.OPERATE), new_key(engine, Scope.OPERATE, license="acme"), None):
        row, token = create(engine, owner, OF_ACME)
        end(engine, row, operator)
        assert refused(lambda token=token: found(engine, token)).message == ENDED  # type: ignore[misc]


def test_a_session_ends_no_session_and_a_key_that_reads_nothing_neither(engine: Engine) -> None:
    engine.license()
    row, token = create(engine, new_key(engine), OF_ACME)
    error = refused(lambda: end(engine, row, found(engine, token)))
    assert (type(error), error.message) == (
        Forbidden, "A session cannot create or end sessions. The back end does so with its key."
    )  # fmt: skip
    error = refused(lambda: end(engine, row, new_key(engine, Scope.USAGE_WRITE)))
    assert (type(error), error.message) == (
        Forbidden,
        "This key lacks the scope consumption:read or operate. Ask an operator for a key that has it.",
    )


@pytest.mark.parametrize(
    ("ended", "code"),
    [("0000000000000000", "UNKNOWN_SESSION"), ("", "BAD_INPUT"), ("\0", "BAD_INPUT"), ("x" * 201, "BAD_INPUT")],
)
def test_an_id_of_no_session_is_an_error_of_the_input(engine: Engine, ended: str, code: str) -> None:
    key = new_key(engine)
    for caller in (key, None):
        with engine.database.write() as session, pytest.raises(InvalidInput) as error:
            end_session(session, ended, caller)
        assert [(one.code, one.path) for one in error.value.problems] == [(code, ("session",))]
