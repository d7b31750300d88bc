"""Contract reports on the command line."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.runtime import open_runtime
from core.settings import Settings
from tests.cli.command import Run
from tests.fixtures.engine import Engine, usage_event

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def noon(database_url: str) -> datetime:
    """Noon of today, on which acme has measured its profiles for four days: 70, 85, 120 and 60 of 100."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    with open_runtime(Settings(database_url=database_url)) as runtime:
        engine = Engine(runtime)
        first = noon.date() - 3 * DAY
        engine.license("acme", "UTC", {"profiles": 100}, effective_from=first, starts_on=first, now=noon - 3 * DAY)
        for ago, profiles in ((3, 70), (2, 85), (1, 120), (0, 60)):
            engine.backfill(usage_event("profiles.level", time=noon - ago * DAY, value=profiles), now=noon)
            engine.refresh(now=noon - ago * DAY)
    return noon


def test_a_report_is_a_table(run: Run, noon: datetime) -> None:
    lines = run("report", "acme").out.splitlines()

    assert lines[0] == f"acme: {noon.date() - 3 * DAY} to {noon.date()}"
    assert lines[4].split() == [
        *("profiles", "1", "100", "60", "120", f"{noon.date() - DAY}"),
        *("exceeded", "on", "1", "day,", "at", "risk", "on", "1", "day", "20", "150"),
    ]


def test_alternatives_say_what_would_have_been(run: Run) -> None:
    lines = run("report", "acme", "--with", "profiles=150", "--with", "profiles=90").out.splitlines()

    was = "as it is: exceeded on 1 day, at risk on 1 day"
    assert lines[-4:] == [
        "With profiles 150:",
        f"  Profiles (version 1), limit 150: at risk on 1 day, never exceeded; {was}",
        "With profiles 90:",
        f"  Profiles (version 1), limit 90: exceeded on 1 day, at risk on 1 day; {was}",
    ]


def test_a_limit_that_the_contract_lacks_can_be_tried(run: Run) -> None:
    lines = run("report", "acme", "--with", "users=5").out.splitlines()

    assert lines[-2:] == ["With users 5:", "  Users (version 1), limit 5: not measured; as it is: no limit"]


def test_json_is_the_report_of_the_api(run: Run, noon: datetime) -> None:
    found = json.loads(run("report", "acme", "--with", "profiles=150", "--json").out)

    [profiles] = [one for one in found["report"]["meters"] if one["meter"] == "profiles"]
    assert profiles == {
        "meter": "profiles",
        "contractVersion": 1,
        "committed": 100,
        "usedAtEnd": 60,
        "peak": 120,
        "peakOn": f"{noon.date() - DAY}",
        "days": {"OK": 2, "AT_RISK": 1, "EXCEEDED": 1, "UNKNOWN": 0},
        "firstCrossing": profiles["firstCrossing"],
        "overage": 20,
        "refused": None,
        "suggestedLimit": 150,
        "suggestedBecause": profiles["suggestedBecause"],
    }
    assert profiles["suggestedBecause"].startswith("Highest demand: 120 profiles on ")
    [alternative] = found["alternatives"]
    assert alternative["terms"] == {"profiles": 150}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--with", "profile=1"], "No meter knows the term 'profile'. Did you mean 'profiles'?"),
        (["--with", "profiles"], "--with: 'profiles' is not a term with its value. Write profiles=250000."),
        (["--with", "profiles=-1"], "The term profiles must be a number from 0 to 2^53."),
        (["--with", "profiles=1,profiles=2"], "The term profiles is given twice. Give it once."),
        (["--from", "yesterday"], "--from: 'yesterday' is not a day. Write it as 2026-05-01."),
        (["--to", "2020-01-01", "--from", "2020-02-01"], "The report would begin on 2020-02-01, after its last day"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(run: Run, arguments: list[str], message: str) -> None:
    result = run("report", "acme", *arguments)

    assert (result.code, message in result.err) == (1, True)


PAGE = Path(__file__).parents[2] / "docs" / "report.md"
COMMANDS = re.findall(r"^allowance (report .*)$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(run: Run, command: str) -> None:
    assert run(*command.split()).code == 0
