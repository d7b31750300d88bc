"""What a front end sees of partners' plugins: their meters beside ours, and what went wrong with them."""

import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, event

from core.settings import Settings
from tests.api.server import Served, cloudevent, serving

CALLS = """{ consumption(license: "acme") { status version section(key: "calls") {
  status updatedAt nextUpdateAt readings { used status measuredAt freshness problem { code message since } }
} } }"""


@pytest.fixture
def partners(tmp_path: Path) -> Iterator[None]:
    """Two plugins beside ours: one whose meter fails at times, and one that cannot be imported."""
    site = tmp_path / "site-packages"
    for name, source in (("fragile", None), ("broken", "raise RuntimeError('the password is swordfish')")):
        about = site / f"{name}-1.5.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (about / "entry_points.txt").write_text(f"[allowance]\n{name} = {name}\n")
        if source is None:
            shutil.copy(Path(__file__).with_name(f"{name}.py"), site)
        else:
            (site / f"{name}.py").write_text(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield
    sys.modules.pop("fragile", None)


@pytest.fixture
def served(partners: None, database_url: str, clock: time_machine.Traveller) -> Iterator[Served]:
    with serving(Settings(database_url=database_url)) as served:
        yield served


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_plugin_that_cannot_be_loaded_is_listed_with_its_problem_and_the_others_run(served: Served) -> None:
    query = "{ plugins { name version loaded problem { code message since } meters { key plugin { name } } } }"
    with served.client() as client:
        answer = client.post("/graphql", json={"query": query})
        plugins = {plugin["name"]: plugin for plugin in answer.json()["data"]["plugins"]}
    assert plugins["broken"] == {
        "name": "broken",
        "version": "1.5",
        "loaded": False,
        "problem": {
            "code": "IMPORT_FAILED",
            "message": "The module cannot be imported. The operator finds the error in the log: correct the plugin, or "
            "uninstall its distribution.",
            "since": "2026-03-10T09:30:00Z",
        },
        "meters": [],
    }
    assert plugins["fragile"] == {
        "name": "fragile",
        "version": "1.5",
        "loaded": True,
        "problem": None,
        "meters": [{"key": key, "plugin": {"name": "fragile"}} for key in ("calls", "storage")],
    }
    assert plugins["channels"]["loaded"]
    assert "swordfish" not in answer.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_pauses_of_all_plugins_are_read_once(served: Served) -> None:
    statements: list[str] = []

    def note(*execution: Any) -> None:
        statements.append(execution[2])

    with served.client() as client:
        event.listen(Engine, "before_cursor_execute", note)
        plugins = client.data("{ plugins { paused pausing { meter } meters { plugin { paused } } } }")["plugins"]
        event.remove(Engine, "before_cursor_execute", note)
    assert all(plugin["paused"] is False and plugin["pausing"] == [] for plugin in plugins)
    assert sum("FROM meter_pause" in " ".join(statement.split()) for statement in statements) == 1


def test_a_failing_meter_keeps_its_last_good_reading_marked_stale_with_the_problem(
    served: Served, clock: time_machine.Traveller
) -> None:
    with served.client() as client:
        client.data("""mutation {
          putLicense(input: {key: "acme", name: "Acme"}) { errors { code } }
          putContract(input: {license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", terms: []}) {
            errors { code }
          }
        }""")

        def calls(number: int, calls: int) -> Any:
            """The section after so many more calls and a refresh a minute later."""
            client.post_events(cloudevent("call.made", "acme", f"c-{number}", quantity=calls))
            clock.shift(timedelta(minutes=1))
            client.data('mutation { refreshConsumption(license: "acme", sections: ["calls", "sms"]) { id } }')
            served.refresh()
            return client.data(CALLS)["consumption"]

        assert calls(1, 12) == {
            "status": "OK",
            "version": 2,
            "section": {
                "status": "OK",
                "updatedAt": "2026-03-10T09:31:00Z",
                "nextUpdateAt": "2026-03-11T09:31:00Z",
                "readings": [
                    {
                        "used": 12,
                        "status": "OK",
                        "measuredAt": "2026-03-10T09:31:00Z",
                        "freshness": "FRESH",
                        "problem": None,
                    }
                ],
            },
        }
        problem = {
            "code": "METER_FAILED",
            "message": "The meter failed. The operator finds the cause in the log.",
            "since": "2026-03-10T09:32:00Z",
        }
        assert calls(2, 1) == {
            "status": "OK",
            "version": 3,
            "section": {
                "status": "OK",
                "updatedAt": "2026-03-10T09:31:00Z",
                "nextUpdateAt": "2026-03-10T10:32:00Z",
                "readings": [
                    {
                        "used": 12,
                        "status": "OK",
                        "measuredAt": "2026-03-10T09:31:00Z",
                        "freshness": "STALE",
                        "problem": problem,
                    }
                ],
            },
        }
        assert client.data('{ consumption(license: "acme") { section(key: "sms") { updatedAt } } }') == {
            "consumption": {"section": {"updatedAt": "2026-03-10T09:32:00Z"}}
        }
        assert calls(3, 1)["section"]["readings"] == [
            {"used": 14, "status": "OK", "measuredAt": "2026-03-10T09:33:00Z", "freshness": "FRESH", "problem": None}
        ]
        past = """{ consumption(license: "acme", at: "2026-03-09T00:00:00Z") {
          section(key: "calls") { readings { used } }
        } }"""
        assert client.data(past) == {"consumption": {"section": {"readings": [{"used": 0}]}}}
