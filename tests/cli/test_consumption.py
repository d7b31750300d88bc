"""The drawing of a license's consumption: bars, statuses by sign, word and colour, and the latest update."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cli.consumption import WIDTH
from core.administration.suspend_license import suspend_license
from core.runtime import open_runtime
from core.settings import Settings
from tests.cli.command import COMMAND, Run
from tests.fixtures.engine import Engine, usage_event

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def acme(database_url: str) -> Iterator[Engine]:
    """The license acme with 6 of 5 forms, 85 of 100 interactions and 3 users of whom no contract speaks."""
    now = datetime.now(UTC)
    with open_runtime(Settings(database_url=database_url)) as runtime:
        engine = Engine(runtime)
        terms = {"forms": 5, "profiles": 10, "interactions_per_profile": 10, "retention_months": 24}
        engine.license(name="Acme [bold]", terms=terms, now=now)
        engine.send(
            usage_event("forms.level", value=6, time=now),
            usage_event("interaction.sent", quantity=85, time=now),
            usage_event("users.level", value=3, time=now),
            now=now,
        )
        engine.refresh(now=datetime.now(UTC))
        yield engine


def line(text: str, title: str) -> str:
    [found] = [line for line in text.splitlines() if line.strip().startswith(title)]
    return re.sub(r"\s+", " ", found).strip()


def on_terminal(database_url: str, columns: int, **environment: str) -> str:
    """The drawing on a terminal of so many columns, with its control sequences."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("ALLOWANCE_") and key != "NO_COLOR"}
    own |= {"ALLOWANCE_DATABASE_URL": database_url, "TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
    outside, inside = pty.openpty()
    with subprocess.Popen([COMMAND, "consumption", "acme"], env=own, stdout=inside, stdin=inside) as process:
        os.close(inside)
        parts = []
        try:
            while part := os.read(outside, 65_536):
                parts.append(part)
        except OSError:  # the other side is closed
            pass
    os.close(outside)
    assert process.returncode == 0
    return b"".join(parts).decode()


def test_sections_are_drawn_with_bars_thresholds_statuses_and_the_latest_update(run: Run, acme: Engine) -> None:
    drawn = run("consumption", "acme")
    assert (drawn.code, drawn.err) == (0, "")
    assert drawn.out.splitlines()[0].strip() == "Acme [bold] (acme)  ✗ Exceeded"
    assert "\x1b" not in drawn.out
    assert max(map(len, drawn.out.splitlines())) <= WIDTH
    assert line(drawn.out, "Forms") == "Forms ✗ Exceeded ████████████████████│▒▒▒ 6 of 5 forms, 120 %"
    assert line(drawn.out, "Interactions").endswith("85 of 100 interactions, 85 %")
    assert line(drawn.out, "Interactions").startswith("Interactions ! At risk █")
    assert line(drawn.out, "Users").endswith("3 users, no limit")
    assert line(drawn.out, "Data retention").endswith("24 months, set by the contract")
    assert "  Not in the contract: 1" in drawn.out
    assert "Latest update: " in drawn.out
    assert "Billing period: 2026-01-01 to 2026-12-31 (UTC)" in drawn.out


def test_a_suspended_license_and_one_without_contract_say_so(run: Run, acme: Engine) -> None:
    with acme.database.write() as session:
        suspend_license(session, "acme", "Unpaid", by="operator", now=datetime.now(UTC))
    assert "Suspended: Unpaid" in run("consumption", "acme").out
    acme.license("bare", name="Bare")
    assert "No contract is in force" in run("consumption", "bare").out
    assert "Not updated yet" in run("consumption", "bare").out


def test_an_unknown_license_is_named_with_the_nearest(run: Run, acme: Engine) -> None:
    refused = run("consumption", "acne")
    assert (refused.code, refused.out, refused.err) == (1, "", "No license 'acne'. Did you mean 'acme'?\n")


def test_json_has_the_same_figures(run: Run, acme: Engine) -> None:
    found = json.loads(run("consumption", "acme", "--json").out)
    readings = {one["meter"]: one for section in found["sections"] for one in section["readings"]}
    forms = readings["forms"]
    assert (found["status"], found["utilization"], found["freshness"]) == ("EXCEEDED", 1.2, "FRESH")
    assert (forms["used"], forms["limit"], forms["overage"], forms["utilization"]) == (6, 5, 1, 1.2)
    assert forms["thresholds"][-1]["ratio"] == 1
    assert readings["users"]["limit"] is None


def test_a_terminal_shows_colours_unless_no_color_is_set_and_a_narrow_one_is_kept_to(
    acme: Engine, database_url: str
) -> None:
    wide = on_terminal(database_url, 120)
    assert "\x1b[31m✗ Exceeded" in wide
    assert "\x1b[31m█" in wide
    narrow = on_terminal(database_url, 40, NO_COLOR="1")
    assert not re.search(r"\x1b\[3\d", narrow)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", narrow).splitlines()
    assert max(len(line.rstrip()) for line in plain) <= 40
    assert any(line.strip() == "Forms  ✗ Exceeded" for line in plain)
