"""The keys of a plugin, and its declarations while it cannot be loaded: the database remembers them."""

import shutil
from pathlib import Path

import pytest

from core.database.engine import Database
from core.errors import NotFound
from core.plugins.host import load_plugins
from core.plugins.known import load_known, news, remember
from core.plugins.operators import confirm_plugin, forget_plugin
from core.plugins.registry import Registry
from tests.e2e.plugins import install
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import PATIENCE, engine_with, own_meter, plugin
from tests.fixtures.engine import NOW, usage_event

SENT = "(EventType('push.sent', 'counter', (Dimension('platform', {'ios': 'iOS'}),)),)"
PUSH = own_meter("push_messages", "return Reading(used=usage.total('push.sent', contract.period))", SENT)
KIND = 'METERS.append(Counter(key="push_kind", event="push.sent", **TEXTS))'
REAL = PUSH + KIND


def start(database: Database) -> Registry:
    """Load the plugins as a process does when it starts."""
    with database.read() as session:
        known = load_known(session)
    registry = load_plugins(known=known, import_timeout=PATIENCE)
    if news(registry, known):
        with database.write() as session:
            remember(session, registry, known, NOW)
    return registry


def replace(path: Path, name: str, body: str) -> None:
    """Install another version of a plugin, without what was compiled of the one before."""
    shutil.rmtree(path / "__pycache__", ignore_errors=True)
    (path / f"partner_{name}.py").write_text(plugin(body))


def problems(registry: Registry) -> dict[str, str]:
    return {plugin.name: plugin.problem.code for plugin in registry.plugins if plugin.problem}


def test_a_plugin_that_is_installed_later_takes_no_key_of_a_standing_one(
    load: Load, database: Database, tmp_path: Path
) -> None:
    load(real=REAL)
    start(database)
    install(tmp_path, "aaa", plugin(own_meter("push_messages", "return Reading(used=1)")))

    registry = start(database)
    assert problems(registry) == {"aaa": "CONFLICT"}
    assert registry.plugin_of["push_messages"].name == "real"

    # Also while the holder is not installed here, until an operator releases its keys.
    shutil.rmtree(next(tmp_path.glob("partner_real-*")))
    registry = start(database)
    assert problems(registry) == {"aaa": "CONFLICT"}
    (message,) = [one.problem.message for one in registry.plugins if one.problem]
    assert message == (
        "The key 'push_messages' of a meter belongs to the plugin 'real' of partner-real, which had it first. Give the "
        "meter another key. If that plugin is gone for good: allowance plugins forget real"
    )
    with database.write() as session:
        forget_plugin(session, "real")
    assert problems(start(database)) == {}


def test_a_standing_plugin_takes_no_key_that_another_has_had_before_it(
    load: Load, database: Database, tmp_path: Path
) -> None:
    load(first=own_meter("one", "return Reading(used=1)"))
    start(database)
    install(tmp_path, "second", plugin(own_meter("two", "return Reading(used=2)")))
    start(database)
    replace(tmp_path, "first", own_meter("one", "return Reading(used=1)") + own_meter("two", "return Reading(used=3)"))

    registry = start(database)
    assert problems(registry) == {"first": "CONFLICT"}
    assert registry.plugin_of["two"].name == "second"
    assert registry.plugin_of["one"].name == "first"  # as it was declared before


@pytest.mark.parametrize("broken", ["raise RuntimeError('x')", "os._exit(1)"])
def test_events_of_a_plugin_that_fails_to_load_are_counted_and_its_readings_stand_until_it_is_back(
    broken: str, load: Load, database: Database, tmp_path: Path
) -> None:
    load(real=REAL, other=own_meter("other", "return Reading(used=1)"))
    with engine_with(start(database), database) as engine:
        engine.license("acme", terms={})
        engine.send(usage_event("push.sent", quantity=5))
        engine.refresh()

    replace(tmp_path, "real", broken)
    registry = start(database)
    assert problems(registry) == {"real": "IMPORT_FAILED"}
    with engine_with(registry, database) as engine:
        assert engine.send(usage_event("push.sent", quantity=2, dimensions={"platform": "ios"})).accepted == 1
        engine.refresh()
        readings = engine.readings()
        for meter in ("push_messages", "push_kind"):
            reading = readings[meter]
            assert reading.problem
            assert (reading.used, reading.problem.code) == (5, "METER_PLUGIN_NOT_LOADED")
        assert [meter for meter, reading in readings.items() if reading.problem is not None] == [
            "push_messages",
            "push_kind",
        ]

    replace(tmp_path, "real", REAL)
    with engine_with(start(database), database) as engine:
        engine.refresh()
        assert [engine.reading(meter).used for meter in ("push_messages", "push_kind")] == [7, 7]
        assert engine.reading("push_messages").problem is None


CHANGES = {
    "the kind of an event type": (
        REAL.replace("'counter'", "'level'")
        .replace("usage.total('push.sent', contract.period)", "1")
        .replace(KIND, ""),
        "The event type 'push.sent' was a counter, and is now a level.",
    ),
    "the unit of a meter": (
        REAL.replace("**TEXTS", "**(TEXTS | {'unit': 'bytes'})"),
        "The unit of the meter 'push_messages' was in things (DECIMAL), and is now in bytes (DECIMAL). "
        "The unit of the meter 'push_kind' was in things (DECIMAL), and is now in bytes (DECIMAL).",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_kind_is_refused_until_an_operator_confirms_it(
    change: str, load: Load, database: Database, tmp_path: Path
) -> None:
    load(real=REAL)
    start(database)
    body, message = CHANGES[change]
    replace(tmp_path, "real", body)

    registry = start(database)
    assert problems(registry) == {"real": "CHANGED_KIND"}
    (problem,) = [one.problem for one in registry.plugins if one.problem]
    assert problem.message.startswith(message)
    assert problem.message.endswith("allowance plugins confirm real. Or give what is new another key.")
    assert registry.event_types["push.sent"].kind == "counter"
    assert str(registry.meters["push_messages"].unit) == "things"

    with database.write() as session:
        confirm_plugin(session, "real")
    assert problems(start(database)) == {}
    # The confirmation holds once.
    replace(tmp_path, "real", REAL)
    assert problems(start(database)) == {"real": "CHANGED_KIND"}


def test_only_a_plugin_that_was_loaded_once_can_be_forgotten(database: Database) -> None:
    with database.write() as session, pytest.raises(NotFound, match="No partner's plugin 'nobody' was ever loaded"):
        forget_plugin(session, "nobody")
