import logging
import re
from importlib.metadata import EntryPoint

import pytest

from core.plugins import host
from tests.cli.command import Run


def test_every_plugin_is_shown_with_its_meters(run: Run) -> None:
    shown = run("plugins")
    assert shown.code == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown.out.splitlines() if line.strip()]
    assert lines[0] == ["Plugin", "Distribution", "Version", "State", "Meters", "Notifiers"]
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
    assert shown.code == 0
    (line,) = [line for line in shown.out.splitlines() if "chat" in line]
    assert re.split(r"\s{2,}", line.strip())[1].startswith("IMPORT_FAILED: The module cannot be imported.")
    assert len([line for line in shown.out.splitlines() if " loaded " in line]) == 7
