"""The example plugins, as partners would ship them: their own tests pass, and the application loads them."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "plugins" / "examples"
BARE = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Spares pytest from importing the plugins of all that is installed."""
LOADED = """
import json
from core.plugins.host import load_plugins
registry = load_plugins()
print(json.dumps({
    contributed.key: [plugin.distribution, plugin.version]
    for plugin in registry.plugins for contributed in (*plugin.meters, *plugin.notifiers)
}))
"""


def run(example: Path, *arguments: str, path: Path) -> str:
    search = os.pathsep.join([str(path), *sys.path])
    environment = os.environ | {"PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1", **BARE}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=example, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("name", "passed"), [("allowance-chat", 6), ("allowance-chat-notifier", 16)])
def test_its_own_tests_pass(name: str, passed: int) -> None:
    example = EXAMPLES / name
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml")
    assert f"{passed} passed" in run(example, *arguments, path=example / "src")


@pytest.mark.parametrize(
    ("name", "contributed"),
    [("allowance-chat", ["chat_messages", "chat_busiest_day"]), ("allowance-chat-notifier", ["chat"])],
)
def test_the_application_loads_it_from_its_distribution(tmp_path: Path, name: str, contributed: list[str]) -> None:
    described = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())["project"]
    module = name.replace("-", "_")
    info = tmp_path / f"{module}-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    (entry_point,) = described["entry-points"]["allowance"].items()
    (info / "entry_points.txt").write_text("[allowance]\n{} = {}\n".format(*entry_point))
    (tmp_path / module).symlink_to(EXAMPLES / name / "src" / module)

    loaded = json.loads(run(EXAMPLES / name, "-c", LOADED, path=tmp_path))

    assert [key for key, owner in loaded.items() if owner == [name, "1.0.0"]] == contributed
    assert "interactions" in loaded
