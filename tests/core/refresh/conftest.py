"""Engines for the tests of the refresh."""

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

import pytest

from core.plugins.host import load_plugins
from tests.fixtures.engine import Engine


@pytest.fixture
def flaky(engine: Engine) -> Engine:
    """The engine with a partner's plugin installed whose meter fails at will."""
    partner = EntryPoint("flaky", "tests.fixtures.flaky", "allowance")
    registry = load_plugins([*entry_points(group="allowance"), partner])
    assert registry.meters["flaky"].section == "web"
    return Engine(replace(engine.runtime, registry=registry))
