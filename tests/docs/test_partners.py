"""The partners' guide does what it says: its plugin is built from its code blocks, tested, loaded and measured."""

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import allowance
import pytest
from allowance import contribution as plugin_checks
from allowance import hookspecs
from allowance.contribution import check_plugin
from graphql import build_schema, parse, validate

from core.plugins import changed_kinds, conflicts, host
from core.plugins.sandbox import failure
from core.usage.events import EventRules, check_cloudevents

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "partners.md").read_text()
FILES = dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [code for found, code in BLOCKS if found == language and code not in FILES.values()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The first plugin of the guide, on disk, with what an installer would leave of it."""
    for name, code in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    described = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = tmp_path / "src" / f"allowance_push-{described['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    named = "\n".join(f"{name} = {value}" for name, value in described["entry-points"]["allowance"].items())
    (info / "entry_points.txt").write_text(f"[allowance]\n{named}\n")
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    search = os.pathsep.join([str(project / "src"), *sys.path])
    environment = os.environ | {"PYTHONPATH": search, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_plugin_passes_its_own_tests(project: Path) -> None:
    assert set(FILES) == {"pyproject.toml", "src/allowance_push/__init__.py", "tests/test_push.py"}
    assert "2 passed" in run(project, "-m", "pytest", "-q", "-c", "pyproject.toml")


def test_the_first_plugin_is_loaded_by_the_application(project: Path) -> None:
    script = (
        "import json; from core.plugins.host import load_plugins; registry = load_plugins();"
        "owner = registry.plugin_of['push_messages'];"
        "print(json.dumps([owner.name, owner.distribution, owner.version, owner.problem, 'push' in registry.sections]))"
    )
    assert json.loads(run(project, "-c", script)) == ["push", "allowance-push", "1.0.0", None, True]


def test_the_other_code_runs_from_top_to_bottom() -> None:
    names: dict[str, Any] = {}
    assert len(blocks("python")) == 7
    for code in blocks("python"):
        exec(compile(code, "partners.md", "exec"), names)  # noqa: S102 - the guide is ours
    assert names["reading"].used == 2
    assert names["sent"]["link"] == "https://app.example.com/consumption/acme"


def test_the_event_is_accepted_with_the_first_plugin(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(project / "src")
    import allowance_push  # type: ignore[import-not-found]

    now = datetime(2026, 6, 15, tzinfo=UTC)
    rules = EventRules(check_plugin(allowance_push).event_types, now, timedelta(days=30), timedelta(0), lambda _: True)
    (event,) = blocks("json")
    accepted, rejected = check_cloudevents([json.loads(event)], rules)
    assert rejected == []
    assert [(one.type, one.license, one.whole, one.entity) for one in accepted] == [("push.sent", "acme", 2500, "be")]


def test_the_query_is_valid_in_the_schema() -> None:
    schema = build_schema((ROOT / "api" / "schema.graphql").read_text())
    (query,) = blocks("graphql")
    assert validate(schema, parse(query)) == []


def test_the_guide_names_every_kind_hook_and_code() -> None:
    kinds = {
        name
        for name, value in vars(allowance).items()
        if isinstance(value, type) and issubclass(value, allowance.Meter) and value is not allowance.Meter
    }
    assert kinds == {"Counter", "Level", "Credits", "Ratio", "Term", "Admission"}
    hooks = {name for name in vars(hookspecs) if name.startswith("allowance_")}
    codes = {
        value
        for module in (plugin_checks, conflicts, changed_kinds, host, failure)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[A-Z_]+", value)
    }
    assert len(codes) == 21
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", GUIDE, re.MULTILINE))
    assert documented == codes
    assert [name for name in kinds if f"| `{name}` |" not in GUIDE] == []
    assert [name for name in hooks if f"def {name}" not in GUIDE] == []


def test_the_readme_of_the_sdk_shows_a_plugin_that_loads() -> None:
    readme = (ROOT / "plugins" / "README.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    module = type(sys)("readme")
    exec(compile(code, "README.md", "exec"), vars(module))  # noqa: S102 - the readme is ours
    assert [meter.key for meter in check_plugin(module).meters] == ["dashboards"]
    for target in re.findall(r"\]\(([^)]+)\)", readme):
        assert (ROOT / "plugins" / target).exists()
