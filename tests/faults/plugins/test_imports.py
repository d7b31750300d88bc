"""The import of a plugin: whatever it does costs the plugin alone."""

import decimal
import logging
from collections.abc import Mapping

import pytest

from core.database.engine import Database
from core.plugins.host import load_plugins
from core.plugins.registry import Registry
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import PATIENCE, engine_with, own_meter
from tests.fixtures.engine import Engine, usage_event

METER = own_meter("bad_one", "return Reading(used=1)")
NOT_LOADED: Mapping[str, tuple[str, str]] = {
    "takes a minute": ("time.sleep(60)", "The import of the module takes longer than 5 seconds."),
    "stops": (
        "import ctypes; getattr(ctypes.CDLL(None), 'raise')(19)",
        "The import of the module takes longer than 5 seconds.",
    ),
    "exits": ("os._exit(7)", "The import of the module ends its process."),
    "leaves": ("sys.exit(7)", "The module cannot be imported."),
    "interrupts": ("raise KeyboardInterrupt", "The module cannot be imported."),
    "crashes": ("import ctypes; ctypes.string_at(0)", "The import of the module ends its process."),
    "closes all files": ("os.closerange(0, 256)", "The import of the module ends its process."),
}
LOADED = {
    "sets the decimal context": "import decimal; decimal.getcontext().prec = 6; decimal.DefaultContext.prec = 6",
    "patches the SDK": "import allowance; allowance.Level.measure = lambda *asked: Reading(used=666)",
    "forks": "os.fork() or os._exit(0)",
    "ignores signals": "import signal; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGALRM)]",
}
GOOD = own_meter(
    "good",
    'return Reading(used=usage.total("good.done", contract.period))',
    "(EventType('good.done', 'counter'),)",
)
LARGE = 37_654_212


def problems(registry: Registry) -> dict[str, str]:
    return {plugin.name: plugin.problem.message for plugin in registry.plugins if plugin.problem}


def refreshed(engine: Engine) -> dict[str, object]:
    engine.license("acme", terms={"users": 50_000_000})
    engine.send(
        usage_event("users.level", value=LARGE),
        usage_event("good.done", quantity=LARGE),
        usage_event("good.done", quantity=1),
    )
    engine.refresh()
    return {
        meter: reading.used for meter, reading in engine.readings().items() if meter in ("users", "good", "bad_one")
    }


@pytest.mark.parametrize("name", NOT_LOADED)
def test_a_plugin_that_cannot_be_imported_costs_itself_alone(
    name: str, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    body, message = NOT_LOADED[name]
    with caplog.at_level(logging.INFO, "core.plugins.host"):
        registry = load(
            5 if name in ("takes a minute", "stops") else PATIENCE.total_seconds(), bad=body + METER, good=GOOD
        )

    assert problems(registry).keys() == {"bad"}
    assert problems(registry)["bad"].startswith(message)
    assert {"users", "good"} < registry.meters.keys()
    lines = [record.getMessage() for record in caplog.records]
    named = lines.index("Importing the plugin bad (partner-bad 1.0.0).")
    assert any(line.startswith("Plugin bad (partner-bad 1.0.0) is not loaded: IMPORT_FAILED") for line in lines[named:])


@pytest.mark.parametrize("name", LOADED)
def test_an_import_that_changes_its_process_changes_no_reading_of_another(
    name: str, load: Load, database: Database
) -> None:
    registry = load(bad=LOADED[name] + METER, good=GOOD)

    assert problems(registry) == {}
    assert decimal.getcontext().prec == 28
    with engine_with(registry, database) as engine:
        assert refreshed(engine) == {"users": LARGE, "good": LARGE + 1, "bad_one": 1}


def test_plugins_are_left_out_by_name_and_in_safe_mode(load: Load) -> None:
    load(bad="time.sleep(60)", good=GOOD, import_seconds=0.1)
    assert problems(load_plugins(without=["bad"], import_timeout=PATIENCE)) == {
        "bad": "The operator left the plugin out."
    }
    safe = load_plugins(safe_mode=True, without=["bad"])
    assert problems(safe) == dict.fromkeys(("bad", "good"), "The operator left the plugin out.")
    assert "users" in safe.meters
