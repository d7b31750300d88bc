"""The operator's command on a database of the test's own, within this process."""

import os
import sys
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.command import Outcome, Run


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command within this process, in a directory of its own."""
    for name in list(os.environ):
        if name.startswith("ALLOWANCE_") and not name.startswith("ALLOWANCE_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALLOWANCE_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["allowance", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Outcome(ended.value.code, *capsys.readouterr())

    return run
