"""Contained meters and notifiers: the declarations of partners' classes, without their code.

A plugin may declare meters of classes of its own. The application knows only their declared values: their code runs
in a child process of the plugin. A contained meter of a subclass of a kind is of that kind, for example a quota.
"""

from dataclasses import dataclass
from typing import Final, NoReturn

from allowance import (
    Admission,
    Contract,
    Counter,
    Credits,
    EventType,
    Level,
    License,
    Message,
    Meter,
    Notifier,
    Ratio,
    Term,
    Usage,
)

from core.plugins.source import PluginSource


@dataclass(frozen=True, kw_only=True)
class ContainedMeter(Meter):
    """The declaration of a meter whose class is its plugin's own.

    Its limit is that of the contract's terms. A reading has the limit that the plugin's code measured with it, except
    that of a hard quota: places are given by the declared limit.

    Attributes:
        source: The plugin.
        event_types: The event types that the meter reads.
        is_loaded: False if the declaration is an earlier one of a plugin that cannot be loaded now. Then the meter, of
            whatever class it is, is not measured.
    """

    source: PluginSource
    event_types: tuple[EventType, ...]
    is_loaded: bool = True

    def __post_init__(self) -> None:
        """Check the declaration as that of any meter. A subclass may break the rules of its kind."""
        Meter.__post_init__(self)

    def events(self) -> tuple[EventType, ...]:
        """Return the event types that the meter declared."""
        return self.event_types

    def measure(self, usage: Usage, license: License, contract: Contract) -> NoReturn:
        """Raise AssertionError: only a child process measures this meter."""
        raise AssertionError(f"the meter {self.key} is measured in a child process")


@dataclass(frozen=True, kw_only=True)
class ContainedAdmission(ContainedMeter, Admission):
    """The declaration of a hard quota."""


@dataclass(frozen=True, kw_only=True)
class ContainedCounter(ContainedMeter, Counter):
    """The declaration of a subclass of Counter."""


@dataclass(frozen=True, kw_only=True)
class ContainedCredits(ContainedMeter, Credits):
    """The declaration of a subclass of Credits."""


@dataclass(frozen=True, kw_only=True)
class ContainedLevel(ContainedMeter, Level):
    """The declaration of a subclass of Level."""


@dataclass(frozen=True, kw_only=True)
class ContainedRatio(ContainedMeter, Ratio):
    """The declaration of a subclass of Ratio."""


@dataclass(frozen=True, kw_only=True)
class ContainedTerm(ContainedMeter, Term):
    """The declaration of a subclass of Term."""


KINDS: Final[dict[type[Meter], type[ContainedMeter]]] = {
    Admission: ContainedAdmission,
    Counter: ContainedCounter,
    Credits: ContainedCredits,
    Level: ContainedLevel,
    Ratio: ContainedRatio,
    Term: ContainedTerm,
}
"""The kinds of the SDK, which hold no code of partners, each with the contained meter of its subclasses."""


@dataclass(frozen=True, kw_only=True)
class ContainedNotifier(Notifier):
    """The declaration of a notifier, whose code runs in a child process.

    Attributes:
        source: The plugin.
    """

    source: PluginSource

    def notify(self, message: Message) -> NoReturn:
        """Raise AssertionError: only a child process sends messages through this notifier."""
        raise AssertionError(f"the notifier {self.key} runs in a child process")
