"""Faults and a lost database, as subscribers see them: codes without internals."""

import gc
import logging
import threading
from typing import Any, NoReturn

import pytest
from sqlalchemy import text

from api.graphql.operations.run import Operations
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import FOLLOW, change, socket_to
from tests.api.graphql.subscriptions.test_event_stream import stream, version
from tests.api.server import Served, serving
from tests.e2e.processes import PATIENCE, eventually
from tests.fixtures.outage import away
from tests.services.finder import Services

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.needs("postgres"))], indirect=True
)
GRANTS = "subscription { consumptionChanged { version license { grants { edges { cursor } } } } }"
INTERNALS = ("swordfish", "credit_grant", "snapshot", "SELECT", "sqlalchemy", "Traceback", "core/", "no such table")


def is_masked(errors: Any, path: list[str] | None, caplog: pytest.LogCaptureFixture) -> bool:
    """Check that there is one internal error without internals, whose trace is in the log."""
    (error,) = errors
    trace = error["extensions"]["trace"]
    assert error["extensions"] == {"code": "INTERNAL", "trace": trace}
    assert error["message"] == f"Something failed on our side. Quote trace {trace} to the operator."
    assert error.get("path") == path
    assert not [internal for internal in INTERNALS if internal in str(errors)]
    return any(trace in record.getMessage() for record in caplog.records)


def test_a_fault_in_an_answer_is_masked_and_the_subscription_goes_on(
    live: Served, caplog: pytest.LogCaptureFixture
) -> None:
    token = live.token(license="acme")
    with caplog.at_level(logging.ERROR), socket_to(live, token) as socket, live.client(license="acme") as client:
        socket.ask("1", GRANTS)
        before = socket.version()
        with stream(client, GRANTS) as (_, events):
            assert version(next(events)) == before
            with live.runtime.database.write() as session:
                session.execute(text("ALTER TABLE credit_grant RENAME TO elsewhere"))
            change(live)
            path = ["consumptionChanged", "license", "grants"]
            told = socket.hear()
            assert (told["type"], told["payload"]["data"]) == ("next", None)
            assert is_masked(told["payload"]["errors"], path, caplog)
            name, data = next(events)
            assert (name, data["data"]) == ("next", None)
            assert is_masked(data["errors"], path, caplog)
            with live.runtime.database.write() as session:
                session.execute(text("ALTER TABLE elsewhere RENAME TO credit_grant"))
            change(live)
            assert socket.version() == version(next(events)) == before + 2


@on_sqlite
def test_a_fault_of_ours_is_masked(
    live: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise ArithmeticError("the password is swordfish")

    monkeypatch.setattr(Operations, "run", fail)
    with caplog.at_level(logging.ERROR), socket_to(live, live.token()) as socket, live.client() as client:
        for query in (FOLLOW, "{ viewer { name } }"):
            socket.ask("1", query)
            told = socket.hear()
            assert (told["type"], told["id"]) == ("error", "1")
            assert is_masked(told["payload"], None, caplog)
        with stream(client, FOLLOW) as (_, events):
            (name, data), last = events
        assert (name, last) == ("next", ("complete", None))
        assert is_masked(data["errors"], None, caplog)


@on_sqlite
def test_a_fault_that_nobody_waits_for_any_more_is_no_complaint_of_asyncio(
    live: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def fail(*_: object) -> NoReturn:
        began.set()
        go_on.wait(PATIENCE)
        raise ArithmeticError

    monkeypatch.setattr(Operations, "run", fail)
    token = live.token(license="acme")
    for query in (FOLLOW, "{ viewer { name } }"):
        began.clear()
        go_on.clear()
        with socket_to(live, token) as socket:
            socket.ask("1", query)
            assert began.wait(PATIENCE)
        go_on.set()
        eventually(lambda: live.tasks() <= 1)
        gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@on_postgresql
def test_a_database_that_is_away_costs_time_only(live: Served, other: Served, services: Services) -> None:
    token = live.token(license="acme")
    with socket_to(live, token) as socket, live.client(license="acme") as client, stream(client, FOLLOW) as (_, events):
        before = socket.follow("a")
        assert version(next(events)) == before
        with away(services.url("postgres"), live.runtime.database):
            socket.ask("b", FOLLOW)
            told = socket.hear()
            assert (told["type"], told["id"]) == ("error", "b")
            assert [error["extensions"]["code"] for error in told["payload"]] == ["UNAVAILABLE"]
            with socket_to(live) as late:
                late.say(type="connection_init", payload={"Authorization": "Bearer alw_unknown"})
                assert late.closed() == (1013, "The database does not answer now; try again.")
        other.refresh()
        assert socket.version("a") == version(next(events)) == before + 1


@on_postgresql
def test_a_key_that_cannot_be_checked_for_too_long_is_disconnected(database_url: str, services: Services) -> None:
    settings = Settings(database_url=database_url, key_outage_seconds=0)
    with serving(settings) as served, socket_to(served, served.token("check-in:write")) as socket:
        socket.say(type="ping")
        assert socket.hear()["type"] == "pong"
        with away(services.url("postgres"), served.runtime.database):
            assert socket.closed() == (1012, "The key could not be checked for too long.")
