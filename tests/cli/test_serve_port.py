"""The port of the server: a taken one is reported at once, and `make run` takes another."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import process

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_reported_before_anything_else_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the web framework is loaded by then, which takes seconds, nor is there a database."""
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        url = f"sqlite:///{tmp_path / 'new.db'}"
        with process("serve", "--port", port, "--demo", cwd=tmp_path, database_url=url) as server:
            said, _ = server.popen.communicate(timeout=60)
            assert server.popen.returncode == 1
    assert f"Cannot listen at 127.0.0.1, port {port}" in said
    assert "strawberry" not in said
    assert not (tmp_path / "new.db").exists()


def test_make_run_takes_a_port() -> None:
    said = subprocess.run(["make", "-n", "run", "PORT=8001"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--port 8001" in said.stdout
