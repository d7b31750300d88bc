"""The contribution of a plugin, and its checks, which the engine and the testing kit share.

The constants are the codes of :class:`~allowance.errors.InvalidPlugin`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import isroutine
from types import ModuleType
from typing import Final, TypeVar

import pluggy

from allowance import hookspecs
from allowance.errors import InvalidDeclaration, InvalidPlugin, type_of
from allowance.events import EventType
from allowance.hookspecs import API_VERSION, PROJECT_NAME
from allowance.meter import Enforcement, Meter, Section
from allowance.notifier import Notifier

T = TypeVar("T", Section, Meter, Notifier)

NOT_A_MODULE: Final = "NOT_A_MODULE"
WRONG_API_VERSION: Final = "API_VERSION"
UNKNOWN_HOOK: Final = "UNKNOWN_HOOK"
INVALID_HOOK: Final = "INVALID_HOOK"
HOOK_FAILED: Final = "HOOK_FAILED"
INVALID_CONTRIBUTION: Final = "INVALID_CONTRIBUTION"

_HOOKS: Final = ("allowance_sections", "allowance_meters", "allowance_notifiers")
_NAMED: Final = "allowance_sections, allowance_meters and allowance_notifiers"
_SEE: Final = "The operator finds it in the log; check_plugin of the testing kit shows it to the author."


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of one plugin.

    Attributes:
        sections: The sections, in the plugin's order.
        meters: The meters, in the plugin's order.
        event_types: The event types that its meters read, by name; each unites the declarations of all meters.
        notifiers: The notifiers, in the plugin's order.
    """

    sections: tuple[Section, ...]
    meters: tuple[Meter, ...]
    event_types: Mapping[str, EventType]
    notifiers: tuple[Notifier, ...] = ()


def check_plugin(module: object) -> Contribution:
    """Call the hooks of a plugin and check the results, as the application does when it starts.

    Two faults show only beside other plugins: a key that another plugin uses, and a section that no plugin adds.

    Example::

        def test_the_plugin_loads() -> None:
            check_plugin(allowance_chat)

    Args:
        module: The plugin's module.

    Returns:
        The contribution of the plugin.

    Raises:
        InvalidPlugin: If the plugin is written for another version of the interface, if a hook is unknown, does not
            match its specification or raises an error, or if a hook returns something else than specified.
    """
    if not isinstance(module, ModuleType):
        raise InvalidPlugin(
            NOT_A_MODULE, 'The entry point must name a module, with no colon in it, as chat = "allowance_chat".'
        )
    _check_version(module)
    _check_names(module)
    manager = _register(module)
    sections = check_contribution("allowance_sections", Section, _call(manager.hook.allowance_sections))
    meters = check_contribution(
        "allowance_meters",
        Meter,  # type: ignore[type-abstract]
        _call(manager.hook.allowance_meters),
    )
    notifiers = check_contribution(
        "allowance_notifiers",
        Notifier,  # type: ignore[type-abstract]
        _call(manager.hook.allowance_notifiers),
    )
    return Contribution(sections, meters, unite_event_types(meters), notifiers)


def check_contribution(hook: str, kind: type[T], contributed: object) -> tuple[T, ...]:
    """Check the return value of a hook.

    Args:
        hook: The name of the hook, for messages.
        kind: The class that the items must have.
        contributed: The return value of the hook.

    Returns:
        The items.

    Raises:
        InvalidPlugin: If it is not a list or tuple of valid declarations of that class with distinct keys.
    """
    if not isinstance(contributed, list | tuple):
        raise _invalid(hook, f"returned {type_of(contributed)}. Return a list of {kind.__name__}.")
    keys = set()
    for item in contributed:
        if not isinstance(item, kind):
            raise _invalid(hook, f"returned a list with {type_of(item)} in it. Return a list of {kind.__name__}.")
        try:
            kind.__post_init__(item)  # again, since a subclass may have overridden it without calling it
            if isinstance(item, Meter):
                _check_meter(hook, item)
        except InvalidPlugin:
            raise
        except Exception as error:
            raise _invalid(hook, f"declares a {kind.__name__} that cannot work. {_SEE}") from error
        if item.key in keys:
            raise _invalid(hook, f"declares the key {item.key!r} twice. Give each {kind.__name__} a key of its own.")
        keys.add(item.key)
    return tuple(contributed)


def unite_event_types(meters: Iterable[Meter]) -> dict[str, EventType]:
    """Return the event types that the meters of a plugin read, by name; each unites the declarations of all meters.

    Raises:
        InvalidPlugin: If one meter reads a type as a counter and another as a level.
    """
    united: dict[str, EventType] = {}
    for meter in meters:
        for event in meter.events():
            try:
                united[event.name] = united[event.name].united(event) if event.name in united else event
            except InvalidDeclaration:
                raise _invalid(
                    "allowance_meters",
                    f"reads {event.name} as a counter and as a level. Give the events of one kind another name.",
                ) from None
    return united


def _check_version(module: ModuleType) -> None:
    needed = f"Write API_VERSION = {API_VERSION} in the module, once it is written for that version."
    if "API_VERSION" not in vars(module):
        raise InvalidPlugin(WRONG_API_VERSION, f"The module has no API_VERSION. {needed}")
    version = vars(module)["API_VERSION"]
    if type(version) is not int or version != API_VERSION:
        shown = f"{version:d}" if type(version) is int and 0 <= version < 10**6 else type_of(version)
        raise InvalidPlugin(
            WRONG_API_VERSION,
            f"The module's API_VERSION is {shown}, and this installation needs the number {API_VERSION}. {needed}",
        )


def _check_names(module: ModuleType) -> None:
    for name, value in vars(module).items():
        if name.startswith("allowance_") and isroutine(value) and not hasattr(value, f"{PROJECT_NAME}_impl"):
            if name in _HOOKS:
                raise InvalidPlugin(UNKNOWN_HOOK, f"{name} is not marked as a hook. Put @hookimpl above it.")
            raise InvalidPlugin(
                UNKNOWN_HOOK, f"There is no hook {name}, and a helper must not be named like one.{_nearest(name)}"
            )


def _register(module: ModuleType) -> pluggy.PluginManager:
    """Return a plugin manager for only this plugin, so that no plugin can wrap, replace or break another."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
    except pluggy.PluginValidationError as error:
        raise InvalidPlugin(
            INVALID_HOOK, f"A hook is not declared as specified: {_NAMED} take no arguments."
        ) from error
    implemented = manager.get_hookcallers(module) or []
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = next(hook.name for hook in implemented if not hook.has_spec())
        raise InvalidPlugin(UNKNOWN_HOOK, f"There is no hook {unknown}.{_nearest(unknown)}") from error
    if not any(hook.has_spec() for hook in implemented):
        raise InvalidPlugin(UNKNOWN_HOOK, f"The module has no hook. Implement {_NAMED.replace(' and ', ' or ')}.")
    if any(impl.wrapper or impl.hookwrapper for hook in implemented for impl in hook.get_hookimpls()):
        raise InvalidPlugin(INVALID_HOOK, "A hook is declared as a wrapper, and there is nothing to wrap.")
    return manager


def _call(hook: pluggy.HookCaller) -> Sequence[object]:
    try:
        results = hook()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit as well
        raise InvalidPlugin(HOOK_FAILED, f"The hook {hook.name} raised an error. {_SEE}") from error
    if len(results) < len(hook.get_hookimpls()):
        raise _invalid(hook.name, "returned nothing. Return a list.")
    for result in results:
        if not isinstance(result, list | tuple):
            raise _invalid(hook.name, f"returned {type_of(result)}. Return a list.")
    return [item for result in results for item in result]


def _check_meter(hook: str, meter: Meter) -> None:
    what = f"declares the meter {meter.key!r} with"
    if not isinstance(meter.enforcement, Enforcement):
        raise _invalid(hook, f"{what} an `enforcement` that is {type_of(meter.enforcement)}. Use Enforcement.")
    if not isinstance(meter.counts_over_period, bool):
        raise _invalid(hook, f"{what} a `counts_over_period` that is {type_of(meter.counts_over_period)}. Use a bool.")
    events = meter.events()
    if not isinstance(events, tuple) or not all(isinstance(event, EventType) for event in events):
        raise _invalid(hook, f"{what} an `events` that does not return a tuple. Return a tuple of EventType.")


def _invalid(hook: str, what: str) -> InvalidPlugin:
    return InvalidPlugin(INVALID_CONTRIBUTION, f"The hook {hook} {what}")


def _nearest(name: str) -> str:
    # The common prefix is removed first: with it, any name would look similar.
    known = {hook.removeprefix("allowance_"): hook for hook in _HOOKS}
    near = get_close_matches(name.removeprefix("allowance_"), known, n=1)
    return f" Did you mean {known[near[0]]}?" if near else f" The hooks are {_NAMED}."
