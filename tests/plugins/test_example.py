"""The example plugin, as a partner would ship it: its own tests pass, and the application loads it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "plugins" / "examples" / "allowance-chat"
LOADED = """
import json
from core.plugins.host import load_plugins
registry = load_plugins()
print(json.dumps({key: [plugin.distribution, plugin.version] for key, plugin in registry.plugin_of.items()}))
"""


def run(*arguments: str, path: Path = EXAMPLE / "src") -> str:
    search = os.pathsep.join([str(path), *sys.path])
    environment = os.environ | {"PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass() -> None:
    assert "5 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml")


def test_the_application_loads_it_from_its_distribution(tmp_path: Path) -> None:
    described = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = tmp_path / "allowance_chat-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    (entry_point,) = described["entry-points"]["allowance"].items()
    (info / "entry_points.txt").write_text("[allowance]\n{} = {}\n".format(*entry_point))
    (tmp_path / "allowance_chat").symlink_to(EXAMPLE / "src" / "allowance_chat")

    loaded = json.loads(run("-c", LOADED, path=tmp_path))

    assert loaded["chat_messages"] == loaded["chat_busiest_day"] == ["allowance-chat", "1.0.0"]
    assert "interactions" in loaded
