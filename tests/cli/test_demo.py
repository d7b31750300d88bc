import json
import signal
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from sqlmodel import func, select

from cli.demo_events import make_events
from core.access.authenticate import authenticate
from core.access.keys import Scope
from core.access.tables import ApiKey
from core.consumption.tables import ReadingHistory
from core.database.engine import Database
from core.licenses.tables import Contract
from core.usage.tables import LedgerEvent
from tests.cli.command import Process, Run, ask, process, serving
from tests.forms import long

OVERVIEW = """
    { consumption(license: "%s") {
        status sections { key status readings { meter { key } status used limit utilization problem { code } } } } }
"""


def tokens_in(folder: Path) -> dict[str, str]:
    tokens: dict[str, str] = json.loads((folder / "tokens.json").read_text())
    return tokens


def links_of(server: Process) -> dict[str, str]:
    """What a start prints for each license and for the operator."""
    names = ("acme", "globex", "initech", "operator")
    return {name: server.line_with(f"  {name} ").split(maxsplit=1)[1] for name in names}


def check_links(database: Database, address: str, links: dict[str, str]) -> set[str]:
    """The sessions that links to licenses hold, each of a day, for the admin of the license."""
    sessions = set()
    admins = {"acme": "Ada Peeters", "globex": "Indra Rao", "initech": "Bill Lumbergh"}
    for license, name in admins.items():
        page, _, token = links[license].partition("#token=")
        with database.read() as session:
            caller = authenticate(session, f"Bearer {token}")
        assert caller.expires_at
        assert caller.expires_at - datetime.now(UTC) > timedelta(hours=23)
        assert (page, caller.license, caller.scopes, caller.person and (caller.person.name, caller.person.admin)) == (
            f"{address}/consumption", license, {Scope.CONSUMPTION_READ}, (name, True)
        )  # fmt: skip
        sessions.add(str(caller.session))
    return sessions


def statuses(address: str, token: str, license: str) -> tuple[str, dict[str, str], dict[str, float | None]]:
    """The status of the license and of each meter, and how far each is used."""
    found = ask(address, token, OVERVIEW % license)["consumption"]
    readings: list[dict[str, Any]] = [reading for section in found["sections"] for reading in section["readings"]]
    assert [reading["problem"] for reading in readings] == [None] * len(readings)
    by_meter = {reading["meter"]["key"]: reading for reading in readings}
    return (
        found["status"],
        {key: reading["status"] for key, reading in by_meter.items()},
        {key: reading["utilization"] for key, reading in by_meter.items()},
    )


def counts(database: Database) -> dict[str, int]:
    with database.read() as session:
        return {
            table.__name__: session.exec(select(func.count()).select_from(table)).one()
            for table in (LedgerEvent, Contract, ApiKey, ReadingHistory)
        }


@pytest.mark.long
def test_an_empty_database_is_filled_and_the_second_start_redoes_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / ("demo" if database.is_sqlite else "data/demo")
    with serving("--demo", cwd=tmp_path, database_url=database_url) as (server, address):
        links = links_of(server)
        tokens = tokens_in(folder)
        assert links["operator"] == f"{address}/operator#token={tokens['operator']}"
        sessions = check_links(database, address, links)
        assert (folder / "tokens.json").stat().st_mode & 0o777 == 0o600

        status, meters, used = statuses(address, tokens["acme"], "acme")
        assert status == "OK"
        assert set(meters.values()) == {"OK"}

        status, meters, used = statuses(address, tokens["globex"], "globex")
        assert status == "AT_RISK"
        assert {key for key, one in meters.items() if one != "OK"} == {"interactions", "profiles"}
        assert used["interactions"] == pytest.approx(0.85, abs=0.01)
        assert (used["profiles"] or 0) > 0.8

        status, meters, used = statuses(address, tokens["operator"], "initech")
        assert status == "EXCEEDED"
        exceeded = {key for key, one in meters.items() if one == "EXCEEDED"}
        assert exceeded == {
            "interactions", "sms_credits", "forms", "users", "custom_tables", "segmentation_rules",
        }  # fmt: skip
        assert server.stop() == 0
    filled = counts(database)
    assert 15_000 <= filled["LedgerEvent"] <= 25_000
    assert (filled["Contract"], filled["ApiKey"]) == (4, 4)
    assert filled["ReadingHistory"] > 3 * 364

    with serving("--demo", cwd=tmp_path, database_url=database_url) as (server, again):
        links = links_of(server)
        assert links["operator"] == f"{again}/operator, where you sign in with the key 'operator' of that file"
        assert sessions.isdisjoint(check_links(database, again, links))
        assert server.stop() == 0
    assert counts(database) == filled


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_start_that_was_killed_in_the_middle_is_ended_by_the_next(
    database: Database, database_url: str, tmp_path: Path, run: Run
) -> None:
    with process("serve", "--demo", "--port", 0, cwd=tmp_path, database_url=database_url) as killed:
        patience = monotonic() + 60
        while not counts(database)["LedgerEvent"] and monotonic() < patience:
            sleep(0.01)
        killed.stop(signal.SIGKILL)
    assert not list(tmp_path.rglob("tokens.json"))
    with serving("--demo", cwd=tmp_path, database_url=database_url) as (server, address):
        (file,) = tmp_path.rglob("tokens.json")
        assert statuses(address, tokens_in(file.parent)["globex"], "globex")[0] == "AT_RISK"
        assert server.stop() == 0
    (events,) = tmp_path.rglob("events.ndjson")
    assert counts(database)["LedgerEvent"] == len(events.read_text().splitlines())
    assert run("recount").out == "No differences in 3 licenses.\n"


def test_a_database_with_licenses_of_its_own_is_left_alone(
    run: Run, database: Database, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("licenses: [{key: own, name: Own}]")
    assert run("licenses", "import", "own.yaml").code == 0
    with process("serve", "--demo", "--port", 0, cwd=tmp_path, database_url=database_url) as server:
        assert server.line_with("no demonstration is added")
        server.line_with("My consumption: ")
        assert server.stop() == 0
    assert counts(database)["LedgerEvent"] == 0
    assert not list(tmp_path.rglob("tokens.json"))


@pytest.mark.parametrize("today", [long(date(2026, 11, 22)), date(2028, 2, 29), long(date(2027, 1, 1))])
def test_made_up_events_are_the_same_on_the_same_day_and_cover_a_year_of_every_kind(today: date) -> None:
    period_start = today - timedelta(days=320)
    events = make_events(today, period_start)
    assert events == make_events(today, period_start)
    assert 15_000 <= len(events) <= 25_000
    assert len({event["id"] for event in events}) == len(events)
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert events[0]["time"][:10] == str(today - timedelta(days=365))
    assert events[-1]["time"][:10] == str(today - timedelta(days=1))
    kinds = Counter((event["subject"], event["type"]) for event in events)
    assert len(kinds) == 3 * 18
    sent = sum(
        event["data"]["quantity"]
        for event in events
        if event["subject"] == "globex" and event["type"] == "interaction.sent" and event["time"] >= str(period_start)
    )
    assert sent == pytest.approx(1_705_000, abs=200)
