"""Callers are remembered for a second, and no longer."""

import time

import pytest
from sqlalchemy import event

from core.access import authenticator as module
from core.access.authenticator import CACHE_SECONDS, Authenticator
from core.access.keys import create_key, revoke_key
from core.errors import Unauthenticated
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
