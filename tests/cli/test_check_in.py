"""``allowance check-in simulate``: a month of check-ins in a few seconds, on a terminal and elsewhere."""

import os
import pty
import re
import subprocess
from collections.abc import Sequence

import pytest
from sqlmodel import select

from core.admission.tables import Installation
from core.database.engine import Database
from core.licenses.tables import License
from tests.cli.command import COMMAND, Run

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LINE = re.compile(r"^(\d\d \w{3})  (\S+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) *$", re.MULTILINE)


def days(out: str) -> Sequence[tuple[str, str, int, int, int, int]]:
    """Return for each day its name, its bar, and the numbers of active, admitted, known and refused installations."""
    found = []
    for day, bar, *counts in LINE.findall(out):
        active, admitted, known, refused = (int(number.replace(",", "")) for number in counts)
        found.append((day, bar, active, admitted, known, refused))
    return found


def test_a_month_fills_up_to_the_quota_and_the_next_begins_at_zero(run: Run, database: Database) -> None:
    shown = run("check-in", "simulate", "--installations", 120, "--quota", 60)
    assert shown.code == 0
    found = days(shown.out)
    month = [one for one in found if one[0].endswith(found[0][0][3:])]
    assert 28 <= len(month) <= 31
    assert len(found) == len(month) + 4
    active = [one[2] for one in month]
    assert active == sorted(active)
    assert active[-1] == sum(one[3] for one in month) == 60
    assert sum(one[5] for one in month) == 60  # each once: they stay away until the month ends
    assert month[-1][1] == "█" * 30
    assert [one[3:] for one in found[len(month) :]] == [(60, 0, 60), (0, 60, 0), (0, 60, 0), (0, 60, 0)]
    reports = shown.out.splitlines()[-2:]
    assert "60 active (60 new, 0 returning), 60 refused; skewed" in reports[0]
    assert re.search(r": 60 active \(\d+ new, \d+ returning\), 60 refused; skewed", reports[1])
    with database.read() as session:  # which is the one that the settings name
        assert session.exec(select(License)).all() == []
        assert session.exec(select(Installation)).all() == []


def test_below_the_quota_nobody_is_refused(run: Run) -> None:
    shown = run("check-in", "simulate", "--installations", 30, "--quota", 60, "--back-off-days", 2)
    assert sum(one[5] for one in days(shown.out)) == 0
    assert "30 active (30 new, 0 returning), 0 refused\n" in shown.out
    assert "30 active (0 new, 30 returning), 0 refused\n" in shown.out


def test_with_a_shorter_back_off_the_refused_come_back(run: Run) -> None:
    shown = run("check-in", "simulate", "--installations", 40, "--quota", 10, "--back-off-days", 3)
    assert sum(one[5] for one in days(shown.out)) > 60
    assert "10 active (10 new, 0 returning), 30 refused; skewed" in shown.out


def test_on_a_terminal_the_chart_grows_day_by_day(database_url: str) -> None:
    ours, theirs = pty.openpty()
    command = [str(COMMAND), "check-in", "simulate", "--installations", "20", "--quota", "5", "--seconds", "0.5"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "60"}
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        out = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # of a terminal whose other end was closed
                break
            if not part:
                break
            out += part
        assert process.wait(60) == 0
    text = out.decode()
    assert text.count("active, of 5") > 10  # drawn anew each day
    assert "█" in text
    assert "refused; skewed" in text


@pytest.mark.parametrize(("option", "value"), [("--installations", 0), ("--quota", -1), ("--back-off-days", 0)])
def test_a_simulation_of_nothing_is_refused(run: Run, option: str, value: int) -> None:
    assert run("check-in", "simulate", option, value).code == 2
