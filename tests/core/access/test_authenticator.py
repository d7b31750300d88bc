"""Callers are remembered for a second, and no longer."""

import time

import pytest
from sqlalchemy import event

from core.access import authenticator as module
from core.access.authenticator import CACHE_SECONDS, CHECK_SECONDS, Authenticator
from core.access.keys import Scope, create_key, find_caller_of_key, revoke_key
from core.access.tables import ApiKey
from core.administration.create_session import create_session
from core.administration.inputs import SessionInput
from core.errors import RateLimited, Unauthenticated
from tests.fixtures.engine import NOW, Engine


def new_key(engine: Engine) -> tuple[str, str]:
    with engine.database.write() as session:
        key, token = create_key(session, "front end", ["operate"], None, NOW)
        return key.id, f"Bearer {token}"


def test_a_caller_is_looked_up_once_in_a_second(engine: Engine) -> None:
    _, authorization = new_key(engine)
    authenticator = Authenticator(engine.database)
    assert authenticator.cached_caller(authorization) is None
    caller = authenticator.find_caller(authorization)
    asked: list[object] = []
    event.listen(engine.database.engine, "before_cursor_execute", lambda *_: asked.append(1))
    assert authenticator.find_caller(authorization) is caller
    assert authenticator.cached_caller(authorization) is caller
    assert asked == []


def test_a_revoked_key_is_nobodys_a_second_later(engine: Engine) -> None:
    key_id, authorization = new_key(engine)
    authenticator = Authenticator(engine.database)
    authenticator.find_caller(authorization)
    with engine.database.write() as session:
        revoke_key(session, key_id)
    time.sleep(CACHE_SECONDS)
    assert authenticator.cached_caller(authorization) is None
    with pytest.raises(Unauthenticated):
        authenticator.find_caller(authorization)


class Clock:
    """A clock that a test turns."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_revoked_key_is_forgotten_at_the_next_check_of_all_keys(engine: Engine) -> None:
    clock = Clock()
    authenticator = Authenticator(engine.database, clock=clock)
    (quiet_id, quiet), (_, busy) = new_key(engine), new_key(engine)
    for authorization in (quiet, busy):
        authenticator.find_caller(authorization)
    with engine.database.write() as session:
        revoke_key(session, quiet_id)
    clock.now += CHECK_SECONDS - 0.1
    authenticator.find_caller(busy)
    assert authenticator.last_caller(quiet) is not None
    clock.now += 0.1
    authenticator.find_caller(busy)
    assert authenticator.last_caller(quiet) is not None  # found within the second: no look-up, no check
    clock.now += CACHE_SECONDS
    authenticator.find_caller(busy)
    assert authenticator.last_caller(quiet) is None
    assert authenticator.last_caller(busy) is not None


def test_a_key_passes_without_the_database_up_to_a_bound(engine: Engine) -> None:
    clock = Clock()
    authenticator = Authenticator(engine.database, outage_seconds=60, clock=clock)
    (_, quiet), (_, busy) = new_key(engine), new_key(engine)
    authenticator.find_caller(quiet)
    clock.now += 30
    authenticator.find_caller(busy)  # on the way, the other key is found valid
    clock.now += 59
    assert authenticator.last_caller(quiet) is not None
    clock.now += 1
    assert authenticator.last_caller(quiet) is None
    assert authenticator.last_caller(busy) is None


def test_unknown_tokens_of_an_address_have_a_rate_and_known_keys_are_served(engine: Engine) -> None:
    clock = Clock()
    authenticator = Authenticator(engine.database, unknown_per_second=3, clock=clock)
    _, known = new_key(engine)
    _, new = new_key(engine)
    authenticator.find_caller(known, "192.0.2.1")
    for number in range(3):
        with pytest.raises(Unauthenticated):
            authenticator.find_caller(f"Bearer guess-{number}", "192.0.2.1")
    asked: list[object] = []
    event.listen(engine.database.engine, "before_cursor_execute", lambda *_: asked.append(1))
    for authorization in ("Bearer guess-3", new):
        with pytest.raises(RateLimited) as refused:
            authenticator.find_caller(authorization, "192.0.2.1")
        assert refused.value.message == "Too many unknown tokens come from this address. Come back in 1 s."
    assert asked == []
    clock.now += CACHE_SECONDS / 2
    authenticator.find_caller(known, "192.0.2.1")
    authenticator.find_caller(new, "192.0.2.2")
    authenticator.find_caller(new, "192.0.2.1")


@pytest.mark.parametrize("authorization", [None, "", "Bearer alw_unknown", "Bearer \ud800"])
def test_who_is_unknown_is_not_remembered(engine: Engine, authorization: str | None) -> None:
    authenticator = Authenticator(engine.database)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            authenticator.find_caller(authorization)
        assert authenticator.cached_caller(authorization) is None


def test_no_more_callers_are_remembered_than_there_is_room_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CALLERS", 2)
    authenticator = Authenticator(engine.database)
    keys = [new_key(engine)[1] for _ in range(3)]
    for authorization in keys:
        authenticator.find_caller(authorization)
    assert [authenticator.cached_caller(authorization) is not None for authorization in keys] == [False, False, True]


def test_sessions_make_room_before_keys_do(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CALLERS", 3)
    engine.license()
    key_id, key = new_key(engine)
    with engine.database.write() as session:
        session.get_one(ApiKey, key_id).scopes = ["consumption:read"]
    authenticator = Authenticator(engine.database)
    authenticator.find_caller(key)
    for _ in range(3):
        given = SessionInput("acme", (Scope.CONSUMPTION_READ,))
        with engine.database.write() as session:
            _, token = create_session(session, given, find_caller_of_key(session, key_id), 10)
        authenticator.find_caller(f"Bearer {token}")
    assert authenticator.cached_caller(key)
    assert authenticator.cached_caller(f"Bearer {token}")
