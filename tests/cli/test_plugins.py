import json
import logging
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from core.plugins import host
from tests.cli.command import Run
from tests.e2e.plugins import install, meter


def test_every_plugin_is_shown_with_its_meters(run: Run) -> None:
    shown = run("plugins")
    assert shown.code == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown.out.splitlines() if line.strip()]
    assert lines[0] == [
        "Plugin", "Distribution", "Version", "State", "Paused", "Meters that pause (UTC)", "Meters", "Notifiers",
    ]  # fmt: skip
    assert [line[0] for line in lines[2:]] == [
        "automation", "channels", "data_model", "installations", "license", "sms", "web",
    ]  # fmt: skip
    assert lines[3] == ["channels", "allowance-server", "1.0.0", "loaded", "interactions"]


def test_a_plugin_that_cannot_be_loaded_is_shown_with_its_problem_and_costs_no_other(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("chat", "no_such_module", "allowance")
    monkeypatch.setattr(host, "find_entry_points", lambda found=host.find_entry_points: [*found(), broken])
    logging.getLogger("core.plugins.host").setLevel(logging.CRITICAL)
    shown = run("plugins")
    logging.getLogger("core.plugins.host").setLevel(logging.NOTSET)
    assert shown.code == 1
    (line,) = [line for line in shown.out.splitlines() if "chat" in line]
    assert re.split(r"\s{2,}", line.strip())[1].startswith("IMPORT_FAILED: The module cannot be imported.")
    assert len([line for line in shown.out.splitlines() if " loaded " in line]) == 7


def test_a_plugin_is_paused_resumed_confirmed_and_forgotten_by_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "good", meter("good", "return Reading(used=1)"))

    def listed() -> tuple[int | str | None, dict[str, Any]]:
        shown = run("plugins", "--json")
        return shown.code, next(one for one in json.loads(shown.out) if one["name"] == "good")

    good: dict[str, Any] = {
        "name": "good",
        "distribution": "partner-good",
        "version": "1.0.0",
        "problem": None,
        "notifiers": [],
    }
    assert listed() == (0, good | {"paused": False, "pausing": [], "meters": ["good"]})
    for command, paused in (("pause", True), ("resume", False), ("confirm", False), ("forget", False)):
        assert run("plugins", command, "good").code == 0
        assert listed()[1]["paused"] is paused
    refused = run("plugins", "pause", "godo").err
    assert refused.startswith("No partner's plugin 'godo' was ever loaded. Did you mean 'good'?")
