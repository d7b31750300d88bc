"""Every command: help, settings, and errors that an operator can fix."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_group

from cli.main import COMMANDS, command_line, main
from tests.cli.command import Run, process


def test_a_wrong_setting_is_refused_by_its_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_BROKER", "redis://localhost")
    refused = run("keys", "list")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("ALLOWANCE_BROKER is not a setting. Did you mean 'ALLOWANCE_BROKER_URL'?")


def test_a_database_that_does_not_answer_is_named_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWANCE_DATABASE_URL", "postgresql://somebody:secret@127.0.0.1:1/allowance")
    refused = run("keys", "list")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("The database does not answer: ")
    assert '"127.0.0.1", port 1' in refused.err
    assert "secret" not in refused.err


def test_a_directory_that_cannot_be_made_is_said_plainly(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ALLOWANCE_DATABASE_URL", f"sqlite:///{tmp_path}/file/allowance.db")
    refused = run("keys", "list")
    assert refused.code == 1
    assert str(tmp_path / "file") in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["worker"],
        ["migrate"],
        ["refresh"],
        ["recount"],
        ["usage"],
        ["explain"],
        ["plugins"],
        ["licenses", "import"],
        ["events", "import"],
        ["keys", "create"],
        ["keys", "list"],
        ["keys", "revoke"],
        ["credits", "requests"],
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["allowance", *command, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: allowance {' '.join(command)} [OPTIONS]")


def test_an_unknown_command_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["allowance", "severs"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


def test_the_installed_command_is_this_one(tmp_path: Path) -> None:
    with process("--help", cwd=tmp_path) as helping:
        assert helping.line_with("Usage: allowance [OPTIONS] COMMAND [ARGS]...")


def test_the_list_of_commands_shows_each_with_the_first_sentence_of_its_help() -> None:
    loaded = get_group(command_line(COMMANDS)).commands
    assert {name: (command.help or "").partition("\n\n")[0] for name, command in loaded.items()} == COMMANDS


@pytest.mark.parametrize(
    ("arguments", "not_imported"),
    [
        (["--help"], {"sqlalchemy", "pydantic", "core.settings"}),
        (
            ["keys", "list"],
            {"alembic", "strawberry", "redis", "pika", "jinja2", "core.runtime", "allowance", "rapidfuzz"},
        ),
        (["migrate"], {"alembic", "strawberry", "core.runtime", "rapidfuzz"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_what_it_needs_alone(
    run: Run, tmp_path: Path, arguments: list[str], not_imported: set[str]
) -> None:
    program = f"""
import atexit, sys
from cli.main import main
atexit.register(lambda: print("imported:", *{not_imported!r} & sys.modules.keys()))
sys.argv[1:] = {arguments!r}
main()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "imported:"
