"""Partners' plugins on the path of this process and of its children."""

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from core.plugins.host import load_plugins
from core.plugins.registry import Registry
from tests.e2e.plugins import install
from tests.faults.plugins.partners import PATIENCE, plugin
from tests.fixtures.engine import NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time of this process, which stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


Load = Callable[..., Registry]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Install plugins by name and code, and load them with all others."""
    monkeypatch.syspath_prepend(tmp_path)

    def loaded(import_seconds: float = PATIENCE.total_seconds(), **plugins: str) -> Registry:
        for name, body in plugins.items():
            for earlier in (tmp_path / f"partner_{name}-1.0.0.dist-info", tmp_path / "__pycache__"):
                shutil.rmtree(earlier, ignore_errors=True)
            install(tmp_path, name, plugin(body))
        return load_plugins(import_timeout=timedelta(seconds=import_seconds))

    yield loaded
    assert [name for name in sys.modules if name.startswith("partner_")] == []
