"""A server whose license acme is followed, in real time."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from core.settings import Settings
from tests.api.acme import SET_UP
from tests.api.server import Served, serving


@pytest.fixture
def live(database_url: str) -> Iterator[Served]:
    """A server with the license acme."""
    with serving(Settings(database_url=database_url)) as served:
        with served.client() as operator:
            operator.data(SET_UP)
        yield served


@pytest.fixture
def other(live: Served) -> Iterator[Served]:
    """Another server on the same database."""
    with ExitStack() as stack:
        yield stack.enter_context(serving(live.runtime.settings))
