"""Partners' plugins as short code, and an engine that has them installed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, Final

from core.access.authenticator import Authenticator
from core.admission.admitter import Admitter
from core.database.engine import Database
from core.measuring.measure import Measurer
from core.plugins.registry import Registry
from core.runtime import Runtime
from core.settings import Settings
from core.tracing import Tracing
from core.usage.committer import Committer
from tests.fixtures.engine import NOW, Engine

HEADER: Final = """
import os, sys, threading, time
from decimal import Decimal
from allowance import *
from allowance import hookimpl
API_VERSION = 1
NAME = __name__.removeprefix("partner_")
TEXTS = {"section": NAME, "title": "T", "description": "D", "unit": "things"}
METERS = []

@hookimpl
def allowance_sections():
    return [Section(key=NAME, title="Partner")]

@hookimpl
def allowance_meters():
    return METERS

"""
"""The beginning of each plugin: a section of the plugin's name, and a list of meters to add to."""

TIMEOUT: Final = timedelta(seconds=3)
"""The deadline of meters beside one that hangs: long enough for an honest one on a busy machine."""
PATIENCE: Final = timedelta(minutes=2)
"""The deadline of meters where none hangs, and of what has to happen in the end."""


def plugin(body: str) -> str:
    return HEADER + body


def own_meter(key: str, measure: str, events: str = "()", **fields: Any) -> str:
    """Return the code of a meter with a `measure` of its own."""
    lines = "\n".join(f"        {line}" for line in measure.strip().splitlines())
    more = "".join(f", {name}={value!r}" for name, value in fields.items())
    return f"""
class {key.title().replace("_", "")}(Meter):
    def events(self):
        return {events}

    def measure(self, usage, license, contract):
{lines}

METERS.append({key.title().replace("_", "")}(key="{key}", **TEXTS{more}))
"""


@contextmanager
def engine_with(registry: Registry, database: Database, **measuring: Any) -> Iterator[Engine]:
    """Yield the engine with these plugins, and with check-ins and measuring of its own."""
    settings = Settings(database_url=database.url.render_as_string(hide_password=False))
    with ExitStack() as stack:
        given = {"timeout": PATIENCE, "import_timeout": PATIENCE, "memory": 256 * 2**20, **measuring}
        measurer = Measurer(database=database, **given)
        stack.callback(measurer.close)
        committer = Committer(database, 50_000)
        stack.callback(committer.close)
        admitter = Admitter(database, registry, settings, clock=lambda: NOW)
        stack.callback(admitter.close)
        yield Engine(
            Runtime(
                settings, database, registry, measurer, committer, Authenticator(database), admitter, Tracing(settings)
            )
        )
