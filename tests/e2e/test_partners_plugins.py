"""Partners' plugins beside the application: the example as it is shipped, broken ones, and one that hangs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.server import Client, cloudevent
from tests.e2e.operations import ask_for_refresh, put_licenses, readings, wait_until_done
from tests.e2e.plugins import install, meter
from tests.e2e.processes import PATIENCE, Installation

CHAT = Path(__file__).parents[2] / "plugins" / "examples" / "allowance-chat"
TERMS = {"chat_messages": 100, "chat_messages_per_day": 40, "moody": 10}
BUILT_IN = ["automation", "channels", "data_model", "installations", "license", "sms", "web"]
BROKEN = {
    "ancient": (
        "API_VERSION = 99",
        "API_VERSION",
        "The module's API_VERSION is 99, and this installation needs the number 1. "
        "Write API_VERSION = 1 in the module, once it is written for that version.",
    ),
    "crashing": (
        "raise RuntimeError('the password is in here')",
        "IMPORT_FAILED",
        "The module cannot be imported. "
        "The operator finds the error in the log: correct the plugin, or uninstall its distribution.",
    ),
    "misspelled": (
        "API_VERSION = 1\n\ndef allowance_metres():\n    return []\n",
        "UNKNOWN_HOOK",
        "There is no hook allowance_metres, and a helper must not be named like one. Did you mean allowance_meters?",
    ),
}
# It hangs while there is a file of that name beside it.
MOODY = meter("moody", 'while Path(__file__).with_name("hang").exists():\n    time.sleep(60)\nreturn Reading(used=3)')


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """With the example as pip installs it, and with plugins that misbehave."""
    home = tmp_path_factory.mktemp("home")
    target, others = home / "chat", home / "others"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(CHAT)]
    subprocess.run(pip, check=True, timeout=PATIENCE)
    install(others, "moody", MOODY)
    for name, (code, _, _) in BROKEN.items():
        install(others, name, code)
    settings: dict[str, object] = {"meter_timeout_seconds": 2, "sweep_seconds": 0.3}
    return Installation(home, f"sqlite:///{home}/allowance.db", settings, (target, others))


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[Client]:
    with ExitStack() as stack:
        _, url = stack.enter_context(installation.serving())
        client = stack.enter_context(installation.client(url))
        put_licenses(client, ["acme"], TERMS)
        yield client


def refreshed(client: Client) -> dict[str, Any]:
    wait_until_done(client, ask_for_refresh(client, "acme"))
    return readings(client, "acme")


def test_the_example_shows_among_plugins_and_meters(client: Client) -> None:
    data = client.data("{ plugins { name version loaded meters { key } } meters { key plugin { name } } }")
    chat = next(plugin for plugin in data["plugins"] if plugin["name"] == "chat")
    assert chat == {
        "name": "chat",
        "version": "1.0.0",
        "loaded": True,
        "meters": [{"key": "chat_messages"}, {"key": "chat_busiest_day"}],
    }
    assert [meter["key"] for meter in data["meters"] if meter["plugin"]["name"] == "chat"] == [
        "chat_messages",
        "chat_busiest_day",
    ]


def test_the_example_takes_events_and_is_refreshed_its_own_way_in_a_process_apart(
    client: Client, installation: Installation
) -> None:
    events = [
        cloudevent("chat.sent", "acme", f"chat-{number}", quantity=15, dimensions={"channel": channel})
        for number, channel in enumerate(("web", "web", "app"))
    ]
    assert client.post_events(*events).json() == {"accepted": 3, "duplicates": 0, "rejected": []}

    found = refreshed(client)

    assert [
        (found[key]["used"], found[key]["limit"], found[key]["status"]) for key in ("chat_messages", "chat_busiest_day")
    ] == [(45, 100, "OK"), (45, 40, "EXCEEDED")]
    assert any("core.plugins.sandbox.child" in line for line in installation.processes())


def test_a_meter_that_hangs_goes_stale_with_its_problem_and_its_neighbours_are_refreshed(
    client: Client, installation: Installation
) -> None:
    good = refreshed(client)
    assert (good["moody"]["used"], good["moody"]["freshness"], good["moody"]["problem"]) == (3, "FRESH", None)

    hang = installation.path[1] / "hang"
    hang.touch()
    before = datetime.now(UTC)
    found = refreshed(client)
    hang.unlink()

    problem = {"code": "METER_TIMED_OUT", "message": "The meter took too long and was stopped."}
    assert found["moody"] == good["moody"] | {"freshness": "STALE", "problem": problem}
    measured = {key: datetime.fromisoformat(reading["measuredAt"]) for key, reading in found.items()}
    assert [key for key, at in measured.items() if at < before] == ["moody"]
    assert [key for key, reading in found.items() if reading["freshness"] != "FRESH"] == ["moody"]

    paused = refreshed(client)["moody"]
    assert (paused["freshness"], paused["problem"]["code"]) == ("STALE", "METER_PAUSED")
    listed = client.data("{ plugins { name paused pausing { meter code failures } } }")["plugins"]
    assert [one for one in listed if one["pausing"]] == [
        {"name": "moody", "paused": False, "pausing": [{"meter": "moody", "code": "METER_TIMED_OUT", "failures": 1}]}
    ]
    assert installation.run("plugins", "resume", "moody").returncode == 0
    assert refreshed(client)["moody"]["freshness"] == "FRESH"


def test_broken_plugins_are_listed_with_their_problems_over_graphql(client: Client) -> None:
    plugins = client.data("{ plugins { name loaded problem { code message } meters { key } } }")["plugins"]
    assert {plugin["name"]: plugin for plugin in plugins if not plugin["loaded"]} == {
        name: {"name": name, "loaded": False, "problem": {"code": code, "message": message}, "meters": []}
        for name, (_, code, message) in BROKEN.items()
    }
    assert sorted(plugin["name"] for plugin in plugins if plugin["loaded"]) == sorted([*BUILT_IN, "chat", "moody"])


def test_broken_plugins_are_listed_with_their_problems_by_the_command(installation: Installation) -> None:
    listed = installation.run("plugins")
    assert listed.returncode == 1
    lines = {line.split()[0]: line for line in listed.stdout.splitlines() if line.strip()}
    for name, (_, code, message) in BROKEN.items():
        assert f"partner-{name}" in lines[name]
        assert f"{code}: {message}" in lines[name]
    assert "the password is in here" not in listed.stdout
    assert "the password is in here" in listed.stderr
    for name in (*BUILT_IN, "chat", "moody"):
        assert " loaded " in lines[name]
