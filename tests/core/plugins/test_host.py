"""Loading plugins: real modules on disk, real entry points, and a failing plugin that costs itself alone."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import Distribution, EntryPoint, PathDistribution
from pathlib import Path

import pytest

from core.plugins.host import load_plugins
from core.plugins.registry import Registry
from tests.forms import long

HEADER = """
from allowance import *
from allowance import EventType, hookimpl
API_VERSION = 1
TEXTS = {"title": "T", "description": "D", "unit": "u"}
"""
SECTION = """
@hookimpl
def allowance_sections():
    return [Section(key="{0}", title="{0}", order={1})]
"""
METERS = """
@hookimpl
def allowance_meters():
    return [{0}]
"""
LEVEL = 'Level(key="{0}", section="{1}", **TEXTS)'
COUNTER = 'Counter(key="{0}", section="{1}", event="{2}", by=({3}), **TEXTS)'

Install = Callable[..., EntryPoint]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write a module and the distribution that names it, and give its entry point."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def write(name: str, source: str, distribution: str | None = None, version: str = "2.1") -> EntryPoint:
        module = f"throwaway_{tmp_path.name.replace('-', '_')}_{name}"
        (tmp_path / f"{module}.py").write_text(source)
        made.append(module)
        found = dist_info(tmp_path, distribution or f"partner-{name}", f"{name} = {module}", version)
        return next(iter(found.entry_points))

    yield write
    for module in made:
        sys.modules.pop(module, None)


def dist_info(path: Path, distribution: str, entry_point: str, version: str = "2.1") -> Distribution:
    """Write the metadata that an installer writes for a distribution."""
    info = path / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[allowance]\n{entry_point}\n")
    return PathDistribution(info)


def plugin(source: str = "", *, section: tuple[str, int] | None = None, meters: tuple[str, ...] = ()) -> str:
    parts = [HEADER, source]
    parts += [SECTION.format(*section)] if section else []
    parts += [METERS.format(", ".join(meters))] if meters else []
    return "".join(parts)


def codes(registry: Registry) -> dict[str, str | None]:
    return {each.name: each.problem.code if each.problem else None for each in registry.plugins}


def test_a_plugin_is_loaded_with_its_distribution_and_version(install: Install) -> None:
    before = datetime.now(UTC)
    registry = load_plugins([install("chat", plugin(section=("chat", 80), meters=(LEVEL.format("rooms", "chat"),)))])
    (loaded,) = registry.plugins
    assert (loaded.name, loaded.distribution, loaded.version, loaded.problem) == ("chat", "partner-chat", "2.1", None)
    assert before <= loaded.since <= datetime.now(UTC)
    assert loaded.since.utcoffset() == timedelta(0)
    assert [section.key for section in loaded.sections] == list(registry.sections) == ["chat"]
    assert [meter.key for meter in loaded.meters] == list(registry.meters) == ["rooms"]
    assert registry.plugin_of == {"rooms": loaded}


def test_no_plugins_make_an_empty_registry() -> None:
    assert load_plugins([]) == Registry((), {}, {}, {}, {}, {})


def test_sections_and_meters_are_in_their_order_of_display(install: Install) -> None:
    registry = load_plugins(
        [
            install("zoo", plugin(section=("zoo", 5), meters=(LEVEL.format("z", "zoo"), LEVEL.format("a", "zoo")))),
            install("ape", plugin(section=("ape", 5), meters=(LEVEL.format("m", "zoo"), LEVEL.format("q", "ape")))),
            install("bee", plugin(section=("bee", 1), meters=(LEVEL.format("b", "bee"),))),
        ]
    )
    assert list(registry.sections) == ["bee", "ape", "zoo"]
    assert list(registry.meters) == ["b", "q", "m", "z", "a"]
    assert [each.name for each in registry.plugins] == ["ape", "bee", "zoo"]


FAILURES = {
    "raises": ("IMPORT_FAILED", "raise RuntimeError('secret of /etc/shadow')"),
    "leaves": ("IMPORT_FAILED", "import sys; sys.exit('secret of /etc/shadow')"),
    "interrupts": ("IMPORT_FAILED", "raise KeyboardInterrupt('secret of /etc/shadow')"),
    "base": ("IMPORT_FAILED", "raise BaseException('secret of /etc/shadow')"),
    "syntax": ("IMPORT_FAILED", "def secret of /etc/shadow"),
    "missing": ("IMPORT_FAILED", "import secret_shadow"),
    "endless": ("IMPORT_FAILED", "def secret(): return secret()\nsecret()"),
    "no_version": ("API_VERSION", plugin(section=("a", 1)).replace("API_VERSION = 1", "del API_VERSION")),
    "next_version": ("API_VERSION", plugin(section=("a", 1)) + "API_VERSION = 2"),
    "misspelled": ("UNKNOWN_HOOK", plugin(section=("a", 1)).replace("allowance_sections", "allowance_section")),
    "unmarked": ("UNKNOWN_HOOK", plugin(section=("a", 1)).replace("@hookimpl", "")),
    "argument": ("INVALID_HOOK", plugin(section=("a", 1)).replace("sections()", "sections(secret)")),
    "hook_raises": ("HOOK_FAILED", plugin(meters=("1 / 0",))),
    "hook_leaves": ("HOOK_FAILED", plugin(meters=("exit('secret of /etc/shadow')",))),
    "declares_badly": ("HOOK_FAILED", plugin(meters=('Level(key="secret", section="", **TEXTS)',))),
    "nonsense": ("INVALID_CONTRIBUTION", plugin(meters=("7",))),
    "nothing": ("INVALID_CONTRIBUTION", plugin(section=("a", 1)).replace("return [", "[")),
    "twice": ("INVALID_CONTRIBUTION", plugin(meters=(LEVEL.format("x", "good"), LEVEL.format("x", "good")))),
    "strange_module": ("HOOK_FAILED", plugin("def __dir__(): raise RuntimeError('secret')\n", section=("a", 1))),
    "homeless": ("UNKNOWN_SECTION", plugin(meters=(LEVEL.format("x", "godo"),))),
}

ALIKE = {
    *("leaves", "interrupts", "base", "syntax", "missing", "endless"),
    *("next_version", "unmarked", "hook_leaves", "declares_badly", "nothing", "twice", "strange_module"),
}
"""Those that end as one of the others does."""


@pytest.mark.parametrize("name", [long(name) if name in ALIKE else name for name in FAILURES])
def test_a_plugin_that_fails_is_listed_and_contributes_nothing_and_the_others_load(
    name: str, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    code, source = FAILURES[name]
    good = plugin(section=("good", 1), meters=(LEVEL.format("good", "good"),))
    with caplog.at_level(logging.ERROR, logger="core.plugins.host"):
        registry = load_plugins(
            [install(name, source), install("a_good", good), install("z_fine", plugin(section=("z", 2)))]
        )

    assert codes(registry) == {"a_good": None, name: code, "z_fine": None}
    assert (list(registry.sections), list(registry.meters)) == (["good", "z"], ["good"])
    failed = next(each for each in registry.plugins if each.name == name)
    assert (failed.sections, failed.meters, failed.version) == ((), (), "2.1")
    assert failed.problem
    assert not [leak for leak in ("secret", "shadow", "/", "Error", "throwaway") if leak in failed.problem.message]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"Plugin {name} (partner-{name} 2.1) is not loaded: {code}: ")


def test_the_error_of_a_plugin_is_in_the_log(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    load_plugins([install("bad", FAILURES["raises"][1])])
    assert "RuntimeError: secret of /etc/shadow" in caplog.text


@pytest.mark.parametrize("value", ["no.such.module", "", "not a name", "os:path.sep", "os.path:"])
def test_an_entry_point_that_names_no_module_is_listed(value: str) -> None:
    (listed,) = load_plugins([EntryPoint("bad", value, "allowance")]).plugins
    assert (listed.distribution, listed.version) == (None, None)
    assert listed.problem


def test_the_problem_of_a_misspelled_hook_names_the_most_similar_hook(install: Install) -> None:
    (listed,) = load_plugins([install("bad", FAILURES["misspelled"][1])]).plugins
    assert listed.problem
    assert listed.problem.message == "There is no hook allowance_section. Did you mean allowance_sections?"


def test_the_applications_own_plugins_come_first_and_keep_their_keys(install: Install) -> None:
    source = plugin(section=("chat", 1), meters=(LEVEL.format("rooms", "chat"),))
    registry = load_plugins([install("alpha", source), install("chat", source, "Allowance_Server")])
    assert [(each.name, each.distribution) for each in registry.plugins] == [
        ("chat", "Allowance_Server"),
        ("alpha", "partner-alpha"),
    ]
    assert codes(registry) == {"chat": None, "alpha": "CONFLICT"}
    assert registry.plugin_of["rooms"].name == "chat"


@pytest.mark.parametrize(
    ("late", "message"),
    [
        (
            plugin(section=("chat", 9)),
            "The key 'chat' of a section is taken by the plugin 'a' of partner-a. Give the section another key.",
        ),
        (
            plugin(meters=(LEVEL.format("b", "chat"), LEVEL.format("rooms", "chat"))),
            "The key 'rooms' of a meter is taken by the plugin 'a' of partner-a. Give the meter another key.",
        ),
        (
            plugin(meters=(COUNTER.format("b", "chat", "rooms.level", ""),)),
            "The event type 'rooms.level' is read as a counter, and is a level of the plugin 'a' of partner-a. "
            "Read it as a level, or give the event type another name.",
        ),
    ],
    ids=["section", "meter", "event type"],
)
def test_a_key_stays_with_the_plugin_that_loads_first(install: Install, late: str, message: str) -> None:
    first = plugin(section=("chat", 1), meters=(LEVEL.format("rooms", "chat"),))
    registry = load_plugins([install("b", late), install("a", first)])
    assert codes(registry) == {"a": None, "b": "CONFLICT"}
    assert registry.plugins[1].problem
    assert registry.plugins[1].problem.message == message
    assert (list(registry.meters), registry.sections["chat"].order) == (["rooms"], 1)


def test_a_meter_may_belong_to_a_section_of_a_plugin_that_loads_later(install: Install) -> None:
    registry = load_plugins(
        [install("a", plugin(meters=(LEVEL.format("x", "chat"),))), install("b", plugin(section=("chat", 1)))]
    )
    assert codes(registry) == {"a": None, "b": None}


def test_a_plugin_fails_if_the_plugin_with_its_section_fails(install: Install) -> None:
    registry = load_plugins(
        [
            install("a", plugin(section=("home", 1))),
            install("b", plugin(section=("home", 2)) + SECTION.replace("sections", "meters").format("x", 1)),
            install("c", plugin(section=("chat", 1), meters=(LEVEL.format("x", "hme"),))),
            install("d", plugin(section=("deep", 1), meters=(LEVEL.format("y", "chat"),))),
            install("e", plugin(meters=(LEVEL.format("z", "deep"),))),
        ]
    )
    assert codes(registry) == {
        "a": None,
        "b": "INVALID_CONTRIBUTION",
        "c": "UNKNOWN_SECTION",
        "d": "UNKNOWN_SECTION",
        "e": "UNKNOWN_SECTION",
    }
    assert list(registry.sections) == ["home"]
    assert [each.problem.message for each in registry.plugins if each.name == "e" and each.problem] == [
        "The meter 'z' stands in the section 'deep', which no loaded plugin contributes. "
        "Contribute it with the hook allowance_sections."
    ]


def test_the_keys_of_a_plugin_without_its_section_are_free(install: Install) -> None:
    registry = load_plugins(
        [
            install("a", plugin(meters=(LEVEL.format("rooms", "nowhere"),))),
            install("b", plugin(section=("chat", 1), meters=(LEVEL.format("rooms", "chat"),))),
        ]
    )
    assert codes(registry) == {"a": "UNKNOWN_SECTION", "b": None}
    assert registry.plugin_of["rooms"].name == "b"


def test_event_types_unite_the_dimensions_that_all_meters_name(install: Install) -> None:
    web, app = (
        'Dimension("channel", {"web": "Web"}),',
        'Dimension("channel", {"web": "W", "app": "App"}), Dimension("to"),',
    )
    registry = load_plugins(
        [
            install("a", plugin(section=("s", 1), meters=(COUNTER.format("a", "s", "chat.sent", web),))),
            install("b", plugin(meters=(COUNTER.format("b", "s", "chat.sent", app + 'Dimension("entity"),'),))),
            install("c", plugin(meters=(COUNTER.format("c", "s", "call.made", web),))),
            install("d", plugin(meters=(COUNTER.format("d", "s", "call.made", 'Dimension("channel"),'),))),
        ]
    )
    assert codes(registry) == dict.fromkeys("abcd")
    assert {
        name: (event.kind, {dimension.key: dict(dimension.values) for dimension in event.dimensions})
        for name, event in registry.event_types.items()
    } == {
        "chat.sent": ("counter", {"channel": {"web": "Web", "app": "App"}, "to": {}}),
        "call.made": ("counter", {"channel": {"web": "Web"}}),
    }


def test_the_registry_cannot_be_changed(install: Install) -> None:
    registry = load_plugins([install("chat", plugin(section=("chat", 1), meters=(LEVEL.format("rooms", "chat"),)))])
    for mapping in (registry.sections, registry.meters, registry.event_types, registry.plugin_of):
        with pytest.raises(TypeError):
            mapping["more"] = None  # type: ignore[index]


def test_the_built_in_plugins_load_from_their_installed_entry_points() -> None:
    registry = load_plugins()
    own = [each for each in registry.plugins if each.distribution == "allowance-server"]
    assert [each.name for each in own] == [
        "automation",
        "channels",
        "data_model",
        "installations",
        "license",
        "sms",
        "web",
    ]
    assert [each.problem for each in own] == [None] * 7
    assert list(registry.sections)[:3] == ["channels", "sms", "data_model"]
    assert set(registry.plugin_of) == set(registry.meters)


LIST_PLUGINS = """
import json, logging
from core.plugins.host import load_plugins
logging.disable()
print(json.dumps({p.name: [p.distribution, p.version, p.problem and p.problem.code] for p in load_plugins().plugins}))
"""


def installed(path: Path) -> dict[str, list[str | None]]:
    """The plugins that a new process finds with `path` on its module path."""
    search = os.pathsep.join([str(path), *sys.path])
    found = subprocess.run(
        [sys.executable, "-c", LIST_PLUGINS], env={"PYTHONPATH": search}, capture_output=True, text=True, check=True
    )
    plugins: dict[str, list[str | None]] = json.loads(found.stdout)
    return plugins


def test_a_distribution_on_the_path_is_found_beside_the_built_in_plugins(tmp_path: Path) -> None:
    source = plugin(section=("chat", 80), meters=(LEVEL.format("rooms", "chat"), LEVEL.format("x", "channels")))
    (tmp_path / "partner_chat.py").write_text(source)
    dist_info(tmp_path, "partner-chat", "chat = partner_chat\nbroken = partner_chat.missing", "3.0")
    found = installed(tmp_path)
    assert found["chat"] == ["partner-chat", "3.0", None]
    assert found["broken"] == ["partner-chat", "3.0", "IMPORT_FAILED"]
    assert found["channels"][0::2] == ["allowance-server", None]


def test_a_distribution_with_broken_metadata_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "partner_chat.py").write_text(plugin(section=("chat", 80)))
    dist_info(tmp_path, "partner-chat", "chat = partner_chat")
    dist_info(tmp_path, "a-broken", "no equals sign")
    dist_info(tmp_path, "nameless", "orphan = partner_chat.missing")
    (tmp_path / "nameless-2.1.dist-info" / "METADATA").unlink()
    found = installed(tmp_path)
    assert found["chat"] == ["partner-chat", "2.1", None]
    assert found["orphan"] == [None, None, "IMPORT_FAILED"]
    assert found["channels"][0::2] == ["allowance-server", None]


def test_the_first_distribution_of_a_name_on_the_path_counts(tmp_path: Path) -> None:
    for place, version in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "partner_chat.py").write_text(plugin(section=("chat", 80)))
        dist_info(tmp_path / place, "partner-chat", "chat = partner_chat", version)
    found = installed(Path(os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second")])))
    assert found["chat"] == ["partner-chat", "2.0", None]


NOTIFIERS = """
class Own(Notifier):
    def notify(self, message):
        pass


@hookimpl
def allowance_notifiers():
    return [{0}]
"""


def test_notifiers_are_found_by_their_keys_and_a_key_is_taken_once(install: Install) -> None:
    both, taken = 'Own(key="chat", title="T"), Own(key="pager", title="T")', 'Own(key="pager", title="T")'
    registry = load_plugins(
        [install("a", plugin(NOTIFIERS.format(both))), install("b", plugin(NOTIFIERS.format(taken)))]
    )
    assert list(registry.notifiers) == ["chat", "pager"]
    assert codes(registry) == {"a": None, "b": "CONFLICT"}
    first, second = registry.plugins
    assert [notifier.key for notifier in first.notifiers] == ["chat", "pager"]
    assert second.notifiers == ()
    assert second.problem
    assert second.problem.message == (
        "The key 'pager' of a notifier is taken by the plugin 'a' of partner-a. Give the notifier another key."
    )
