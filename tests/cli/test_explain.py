"""A number explained on the command line."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.runtime import open_runtime
from core.settings import Settings
from tests.cli.command import Run
from tests.fixtures.engine import Engine, usage_event

PAGE = Path(__file__).parents[2] / "docs" / "explore.md"
COMMANDS = re.findall(r"^allowance (explain .*)$", PAGE.read_text(), re.MULTILINE)


@pytest.fixture(autouse=True)
def now(database_url: str) -> datetime:
    """The time at which acme has two interactions and nothing of anything else."""
    now = datetime.now(UTC)
    with open_runtime(Settings(database_url=database_url)) as runtime:
        engine = Engine(runtime)
        engine.license("acme", "UTC", {"profiles": 10, "interactions_per_profile": 12}, now=now)
        fields: dict[str, Any] = {"entity": "be", "dimensions": {"channel": "print"}}
        engine.send(usage_event("interaction.sent", time=now, id="e-1", quantity=2, **fields), now=now)
        engine.refresh(now=now)
        engine.send(usage_event("interaction.sent", time=now, id="e-2", quantity=1), now=now)
    return now


def test_a_number_is_explained_with_its_events_and_its_contract(run: Run, now: datetime) -> None:
    lines = [" ".join(line.split()) for line in run("explain", "acme", "interactions").out.splitlines() if line.strip()]
    minute = f"{now:%Y-%m-%d %H:%M}"
    assert f"{now:%Y-%m-%d} 2 be · print 1 e-1 of /test {minute} {minute}" in lines
    assert "-1 counted since the refresh" in lines
    assert f"2 in all, at {minute} UTC." in lines
    limit = "The limit 120 is 10 profiles × 12 interactions per profile, by version 1 of the contract"
    assert f"{limit}, from 2026-01-01 on." in lines
    assert lines[-1] == "0 duplicates were recognized, and 0 events were counted after their day."


def test_json_has_the_words_of_the_api(run: Run) -> None:
    found = json.loads(run("explain", "acme", "interactions", "--parts", 1, "--json").out)
    assert found["used"] == sum(part["amount"] for part in found["parts"]) == 2
    assert [part["reason"] for part in found["parts"]] == ["USAGE", "OTHER_USAGE", "SINCE_REFRESH"]
    assert found["limit"]["contractVersion"] == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(run: Run, command: str) -> None:
    assert run(*command.split()).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme", "interaction"], "No meter 'interaction'. Did you mean 'interactions'?"),
        (["acem", "interactions"], "No license 'acem'. Did you mean 'acme'?"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(run: Run, arguments: list[str], said: str) -> None:
    result = run("explain", *arguments)
    assert (result.code, said in result.err) == (1, True)
