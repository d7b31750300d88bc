"""The usage explorer on the command line."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.runtime import open_runtime
from core.settings import Settings
from tests.cli.command import Run
from tests.fixtures.engine import Engine, usage_event


@pytest.fixture(autouse=True)
def today(database_url: str) -> datetime:
    """Noon of today, with usage of acme on this and on the days before."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    with open_runtime(Settings(database_url=database_url)) as runtime:
        engine = Engine(runtime)
        engine.license("acme", "UTC", {}, now=noon)
        for ago, channel, quantity in ((2, "print", 70), (1, "social", 7), (1, "print", 30), (0, "call_center", 1)):
            fields: dict[str, Any] = {"quantity": quantity, "dimensions": {"channel": channel}}
            engine.backfill(usage_event("interaction.sent", time=noon - timedelta(days=ago), **fields), now=noon)
    return noon


def test_usage_is_shown_by_group_with_bars_and_the_rest(run: Run, today: datetime) -> None:
    first = f"{today - timedelta(days=2):%Y-%m-%d}"
    shown = run("usage", "acme", "--meter", "interactions", "--by", "channel", "--top", 1, "--from", first).out
    words = [line.split() for line in shown.splitlines() if line.strip()]
    assert ["print", "100", "█▄▁"] in words
    assert ["the", "rest", "8", "▁█▂"] in words
    assert words[-1] == ["108", "in", "all", "from", first, "to", f"{today:%Y-%m-%d}."]


def test_json_has_all_points(run: Run, today: datetime) -> None:
    first = f"{today - timedelta(days=1):%Y-%m-%d}"
    found = json.loads(run("usage", "acme", "--event", "interaction.sent", "--from", first, "--json").out)
    [series] = found["series"]
    assert (found["total"], series["key"], [point["amount"] for point in series["points"]]) == (38, {}, [37, 1])


PAGE = Path(__file__).parents[2] / "docs" / "explore.md"
COMMANDS = re.findall(r"^allowance (usage .*)$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(run: Run, command: str) -> None:
    assert run(*command.split()).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme"], "Name either a `meter` or an `event`."),
        (["acem", "--meter", "interactions"], "No license 'acem'. Did you mean 'acme'?"),
        (["acme", "--meter", "interactions", "--from", "May"], "--from: 'May' is not a day."),
    ],
)
def test_a_wrong_command_says_what_is_wrong(run: Run, arguments: list[str], said: str) -> None:
    result = run("usage", *arguments)
    assert (result.code, said in result.err) == (1, True)
