"""The checks of a plugin's module, which the host and the testing kit share."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from allowance import Counter, Dimension, Enforcement, EventType, Level, Meter, Reading, Section, hookimpl
from allowance.contribution import check_contribution, check_plugin
from allowance.errors import InvalidPlugin

CHAT = Section(key="chat", title="Chat")


def level(key: str = "rooms", **changed: Any) -> Level:
    return Level(**({"key": key, "section": "chat", "title": "T", "description": "D", "unit": "u"} | changed))


def module(**names: object) -> ModuleType:
    made = ModuleType("allowance_chat")
    vars(made).update({"API_VERSION": 1} | names)
    return made


def hook(contributed: Any, **options: Any) -> Callable[..., Any]:
    def implementation() -> Any:
        return contributed

    marked: Callable[..., Any] = hookimpl(implementation, **options)
    return marked


def refusal(plugin: object) -> tuple[str, str]:
    with pytest.raises(InvalidPlugin) as caught:
        check_plugin(plugin)
    assert str(caught.value) == caught.value.message
    return caught.value.code, caught.value.message


def test_a_plugin_contributes_its_sections_and_meters_in_its_order() -> None:
    rooms, users = level("rooms"), level("chat_users", by=(Dimension("type"),))
    found = check_plugin(module(allowance_sections=hook([CHAT]), allowance_meters=hook((users, rooms))))
    assert (found.sections, found.meters) == ((CHAT,), (users, rooms))
    assert found.event_types == {
        "rooms.level": EventType("rooms.level", "level"),
        "chat_users.level": EventType("chat_users.level", "level", (Dimension("type"),)),
    }


def test_one_hook_is_enough_and_a_list_may_be_empty() -> None:
    assert check_plugin(module(allowance_sections=hook([CHAT]))).meters == ()
    assert check_plugin(module(allowance_meters=hook([]))).sections == ()


def test_a_hook_may_have_another_name_in_the_module() -> None:
    found = check_plugin(
        module(
            first=hook([level("a")], specname="allowance_meters"),
            second=hook([level("b")], specname="allowance_meters"),
        )
    )
    assert sorted(meter.key for meter in found.meters) == ["a", "b"]


def test_meters_of_one_plugin_share_an_event_type() -> None:
    texts: dict[str, Any] = {"section": "chat", "title": "T", "description": "D", "unit": "u", "event": "chat.sent"}
    found = check_plugin(
        module(
            allowance_meters=hook(
                [
                    Counter(key="a", by=(Dimension("channel", {"web": "Web"}),), **texts),
                    Counter(key="b", by=(Dimension("country"),), **texts),
                ]
            )
        )
    )
    assert [dimension.key for dimension in found.event_types["chat.sent"].dimensions] == ["channel", "country"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (2, "The module's API_VERSION is 2, and this installation needs the number 1."),
        ("1", "The module's API_VERSION is a str, and this installation needs the number 1."),
        (True, "The module's API_VERSION is a bool, and this installation needs the number 1."),
        (None, "The module's API_VERSION is None, and this installation needs the number 1."),
        (10**999, "The module's API_VERSION is an int, and this installation needs the number 1."),
    ],
)
def test_another_version_of_the_interface_is_refused_and_the_needed_one_is_named(version: object, said: str) -> None:
    code, message = refusal(module(API_VERSION=version, allowance_meters=hook([])))
    assert (code, message.startswith(said)) == ("API_VERSION", True)


def test_a_module_without_a_version_gets_the_version_it_needs() -> None:
    plugin = module(allowance_meters=hook([]))
    del plugin.API_VERSION
    assert refusal(plugin) == (
        "API_VERSION",
        "The module has no API_VERSION. Write API_VERSION = 1 in the module, once it is written for that version.",
    )


def undecorated() -> list[Meter]:
    return []


def with_argument(config: object) -> list[Meter]:
    return []


def wrapping() -> Any:
    return (yield)


def raising() -> Any:
    raise RuntimeError("secret of /etc/shadow")


def leaving() -> Any:
    raise SystemExit(3)


def generating() -> Any:
    yield level()


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        ({"allowance_meter": hook([])}, "UNKNOWN_HOOK", "no hook allowance_meter. Did you mean allowance_meters?"),
        ({"allowance_section": undecorated}, "UNKNOWN_HOOK", "Did you mean allowance_sections?"),
        ({"allowance_meters": undecorated}, "UNKNOWN_HOOK", "is not marked as a hook. Put @hookimpl above it."),
        ({"allowance_xyz": hook([])}, "UNKNOWN_HOOK", "The hooks are allowance_sections, allowance_meters and"),
        ({"metres": hook([])}, "UNKNOWN_HOOK", "There is no hook metres. Did you mean allowance_meters?"),
        ({"meters": undecorated}, "UNKNOWN_HOOK", "no hook. Implement allowance_sections, allowance_meters or"),
        ({"allowance_meters": hookimpl(with_argument)}, "INVALID_HOOK", "take no arguments"),
        ({"allowance_meters": hookimpl(wrapping, wrapper=True)}, "INVALID_HOOK", "there is nothing to wrap"),
        ({"allowance_meters": hookimpl(raising)}, "HOOK_FAILED", "The hook allowance_meters raised an error."),
        ({"allowance_sections": hookimpl(leaving)}, "HOOK_FAILED", "The hook allowance_sections raised an error."),
        ({"allowance_meters": hook(None)}, "INVALID_CONTRIBUTION", "allowance_meters returned nothing. Return a list."),
        ({"allowance_meters": hook({})}, "INVALID_CONTRIBUTION", "allowance_meters returned a dict. Return a list."),
        ({"allowance_meters": hookimpl(generating)}, "INVALID_CONTRIBUTION", "returned a generator. Return a list."),
        ({"allowance_meters": hook([CHAT])}, "INVALID_CONTRIBUTION", "with a Section in it. Return a list of Meter."),
        ({"allowance_sections": hook([level()])}, "INVALID_CONTRIBUTION", "a Level in it. Return a list of Section."),
        ({"allowance_meters": hook([Level])}, "INVALID_CONTRIBUTION", "a list with the class Level itself in it."),
        ({"allowance_meters": hook([level(), level()])}, "INVALID_CONTRIBUTION", "declares the key 'rooms' twice."),
        ({"allowance_sections": hook([CHAT, CHAT])}, "INVALID_CONTRIBUTION", "declares the key 'chat' twice."),
    ],
)  # fmt: skip
def test_an_invalid_plugin_is_refused_with_the_reason(names: dict[str, object], code: str, said: str) -> None:
    found, message = refusal(module(**names))
    assert (found, said in message) == (code, True), message
    assert "secret" not in message


@pytest.mark.parametrize("plugin", [None, object(), Level, level(), undecorated])
def test_an_entry_point_must_name_a_module(plugin: object) -> None:
    assert refusal(plugin) == (
        "NOT_A_MODULE",
        'The entry point must name a module, with no colon in it, as chat = "allowance_chat".',
    )


def test_an_error_of_a_hook_is_the_cause_and_not_in_the_message() -> None:
    with pytest.raises(InvalidPlugin) as caught:
        check_plugin(module(allowance_meters=hookimpl(raising)))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_keyboard_interrupt_passes_through() -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_plugin(module(allowance_meters=hookimpl(interrupted)))


class Odd(Meter):
    """Skips the checks of a declaration, and answers with what it is told."""

    answer: Any = ()

    def __post_init__(self) -> None:
        pass

    def events(self) -> Any:
        return self.answer

    def measure(self, *_: object) -> Reading:
        return Reading(None)


def odd(key: str = "odd", **attributes: Any) -> Odd:
    return type("Odd", (Odd,), attributes)(key=key, section="chat", title="T", description="D", unit="u")  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("meter", "said"),
    [
        (odd(key="Not a key"), "declares a Meter that cannot work."),
        (odd(answer=None), "declares the meter 'odd' with an `events` that does not return a tuple."),
        (odd(answer=("a.b",)), "declares the meter 'odd' with an `events` that does not return a tuple."),
        (odd(events=lambda _: 1 / 0), "declares a Meter that cannot work."),
        (odd(enforcement="HARD"), "with an `enforcement` that is a str. Use Enforcement."),
        (odd(counts_over_period=1), "with a `counts_over_period` that is an int. Use a bool."),
        (
            odd(answer=(EventType("a.b", "level"), EventType("a.b", "counter"))),
            "reads a.b as a counter and as a level.",
        ),
    ],
)
def test_a_subclass_that_skips_the_checks_is_checked(meter: Meter, said: str) -> None:
    code, message = refusal(module(allowance_meters=hook([meter])))
    assert (code, said in message) == ("INVALID_CONTRIBUTION", True), message


def test_a_valid_subclass_is_accepted() -> None:
    meter = odd(enforcement=Enforcement.NONE, answer=(EventType("a.b", "counter"),))
    assert check_plugin(module(allowance_meters=hook([meter]))).meters == (meter,)


def test_a_contribution_can_be_checked_by_itself() -> None:
    assert check_contribution("allowance_sections", Section, [CHAT]) == (CHAT,)
    with pytest.raises(InvalidPlugin, match="returned a str"):
        check_contribution("allowance_sections", Section, "chat")
