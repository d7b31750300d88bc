"""``allowance check-in``: a month of check-ins in a few seconds, on a terminal and elsewhere, and freed places."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from core.admission.admitter import Admitter
from core.admission.check_in import CheckInRequest
from core.admission.tables import AdmissionWindow, Installation
from core.database.engine import Database
from core.licenses.tables import License
from core.runtime import open_runtime
from core.settings import load_settings
from tests.cli.command import COMMAND, Run
from tests.core.admission.conftest import METER
from tests.fixtures.engine import Engine

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


@pytest.fixture
def full(run: Run, database: Database) -> None:
    """A license with a quota of 3 whose places were taken now: by a real installation and two made-up ones."""
    now = datetime.now(UTC)
    with open_runtime(load_settings(database_url=database.engine.url.render_as_string(hide_password=False))) as runtime:
        engine = Engine(runtime)
        engine.license("acme", terms={METER: 3})
        with closing(Admitter(runtime.database, runtime.registry, runtime.settings, lambda: now)) as admitter:
            for one in ("real", "fake-1", "fake-2"):
                admitter.check_in(CheckInRequest("acme", METER, one, "a key"))


def used(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(AdmissionWindow.used)).one()


@pytest.mark.usefixtures("full")
def test_places_are_named_and_freed_and_recorded(run: Run, database: Database) -> None:
    asked = run("check-in", "free", "acme", "--installation", "fake-1")
    assert asked.code == 1  # nobody answers
    assert "1 of the places of acme will be free:\n  'fake-1', first seen 20" in asked.out
    assert used(database) == 3
    freed = run("check-in", "free", "acme", "--installation", "fake-1", "--note", "made up", "--yes")
    assert (freed.code, freed.out.splitlines()[-1]) == (0, "1 places of acme are free.")
    assert used(database) == 2
    again = run("check-in", "free", "acme", METER, "--installation", "fake-1", "--yes")
    assert again.out == "No such installation of acme has a place in the present window. Nothing was freed.\n"
    [record] = json.loads(run("check-in", "freed", "acme", "--json").out)
    assert (record["installation"], record["freed"], record["note"], record["meter"]) == ("fake-1", 1, "made up", METER)
    assert "command line" in record["freedBy"]


@pytest.mark.usefixtures("full")
def test_places_of_a_time_are_freed(run: Run, database: Database) -> None:
    today = datetime.now(UTC).date()
    span = ("--first-seen-from", today - timedelta(days=1), "--first-seen-before", today + timedelta(days=1))
    freed = run("check-in", "free", "acme", *span, "--yes")
    assert (freed.code, freed.out.splitlines()[-1]) == (0, "3 places of acme are free.")
    assert used(database) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme", "--yes"], "Name an installation, or both ends"),
        (["nope", "--installation", "a"], "nope"),
        (["acme", "forms", "--installation", "a"], "has no hard quota"),
    ],
)
@pytest.mark.usefixtures("full")
def test_a_wrong_command_to_free_says_what_is_wrong(run: Run, arguments: list[str], said: str) -> None:
    result = run("check-in", "free", *arguments)
    assert result.code == 1
    assert said in result.err


@pytest.mark.usefixtures("full")
def test_a_secret_is_made_and_rotated_and_signatures_are_required(run: Run, database: Database) -> None:
    assert run("check-in", "signatures", "acme").out == "acme has no secret: signatures are not checked.\n"
    without = run("check-in", "signatures", "acme", "--require")
    assert (without.code, "Make one first" in without.err) == (1, True)
    made = run("check-in", "secret", "acme")
    assert made.out.startswith("alwc_")
    assert made.err == "This is the secret of acme; it is not shown again:\n"
    rotated = run("check-in", "secret", "acme", "--overlap-days", 3)
    assert rotated.out != made.out
    assert rotated.err.startswith("The old secret signs until ")
    shown = run("check-in", "signatures", "acme", "--require").out.splitlines()
    assert shown[0] == "acme: signatures are required"
    assert shown[2].startswith("the secret before it signs until ")
    assert "command line" in shown[3]
    assert not {made.out.strip(), rotated.out.strip()} & set(shown)
    assert run("check-in", "signatures", "acme", "--optional").out.startswith("acme: signatures are optional\n")
    assert run("check-in", "secret", "nope").code == 1
