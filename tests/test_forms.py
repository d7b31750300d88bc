"""The forms of the suite: short and rest together are the whole, and only what short shortens is in both."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUITE = """
import pytest
from hypothesis import given, strategies as some

@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("size", [1, 2])
def test_twice(database, size): pass

def test_plain(): pass

@pytest.mark.long
def test_soak(): pass

@pytest.mark.whole
@pytest.mark.long
def test_for_minutes(): pass

def test_flood(long_form): pass

@given(some.integers())
def test_property(number): pass

@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@given(number=some.integers())
def test_property_of_both(database, number): pass
"""


def collected(suite: Path, *form: str) -> list[str]:
    """Return the tests of the suite that a form runs, without the name of the file."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.services.plugin",
        "-p",
        "tests.forms",
        "--collect-only",
        "-q",
    ]
    ran = subprocess.run(
        [*command, f"--rootdir={suite.parent}", *form, suite],
        cwd=ROOT,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition("::")[2] for line in ran.stdout.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("forms") / "test_suite.py"
    file.write_text(SUITE)
    return file


def test_the_short_form_and_the_rest_are_the_whole(suite: Path) -> None:
    whole, short, rest = collected(suite), collected(suite, "--short"), collected(suite, "--rest")
    assert len(whole) == 11
    assert sorted({*short, *rest, "test_for_minutes"}) == sorted(whole)
    assert "test_for_minutes" not in {*short, *rest}
    assert sorted({*short} & {*rest}) == ["test_flood", "test_property"]
    assert "test_soak" in rest
    assert "test_plain" in short
    assert sum("test_twice" in test for test in short) == 2
    assert sum("test_property_of_both" in test for test in short) == 1
    assert sum("test_property_of_both" in test for test in rest) == 1
