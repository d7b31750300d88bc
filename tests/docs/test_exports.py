"""The page about exports: its commands run, and its table names every kind with its columns."""

import os
import re
import subprocess
from pathlib import Path

from core.exports.rows import COLUMNS
from tests.docs.conftest import Demo

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


def test_the_table_names_every_kind_and_column() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([^|]*) \|$", PAGE, re.MULTILINE)
    named = {kind: re.findall(r"`(\w+)`", columns) for kind, columns in rows}
    assert named == {kind.value: list(columns) for kind, columns in COLUMNS.items()}


def test_the_commands_run_one_after_the_other(demo: Demo, tmp_path: Path) -> None:
    whole, rest = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "TOKEN": demo.tokens["acme"], "URL": demo.url}
    subprocess.run(["sh", "-ec", whole.replace("curl", "curl -sSf")], cwd=tmp_path, env=environment, check=True)
    for name in ("usage.csv", "history.ndjson", "readings.csv", "commitments.csv"):
        assert (tmp_path / name).read_bytes().count(b"\n") > 5
    file = tmp_path / "usage.csv"
    expected = file.read_bytes()
    lines = expected.splitlines(keepends=True)[:4]
    file.write_bytes(b"".join(lines))
    environment["CURSOR"] = lines[-1].decode().strip().rpartition(",")[2]
    subprocess.run(["sh", "-ec", rest.replace("curl", "curl -sSf")], cwd=tmp_path, env=environment, check=True)
    assert file.read_bytes() == expected
