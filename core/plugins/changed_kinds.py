"""Changes of a plugin's declarations that would give stored numbers another meaning."""

from collections.abc import Mapping
from typing import Final

from allowance.contribution import Contribution

from core.plugins.registry import PluginProblem

CHANGED_KIND: Final = "CHANGED_KIND"


def find_changed_kind(name: str, before: Contribution, now: Contribution) -> PluginProblem | None:
    """Return the problem of a plugin whose event type has another kind, or whose meter has another unit, than before.

    Counted amounts are no levels, and numbers of messages are no bytes. Translations and plural forms may change.

    Args:
        name: The name of the plugin.
        before: The declarations as of the last time that the plugin was loaded.
        now: The declarations of today.
    """
    changes = [
        *_changes("event type", "a", _kinds(before), _kinds(now)),
        *_changes("unit of the meter", "in", _units(before), _units(now)),
    ]
    if not changes:
        return None
    return PluginProblem(
        CHANGED_KIND,
        f"{' '.join(changes)} What was stored keeps its meaning, so an operator has to confirm it: "
        f"allowance plugins confirm {name}. Or give what is new another key.",
    )


def _kinds(contribution: Contribution) -> dict[str, str]:
    return {name: event_type.kind for name, event_type in contribution.event_types.items()}


def _units(contribution: Contribution) -> dict[str, str]:
    return {meter.key: f"{meter.unit_forms} ({meter.unit_forms.format})" for meter in contribution.meters}


def _changes(what: str, article: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"The {what} {key!r} was {article} {before[key]}, and is now {article} {value}."
        for key, value in now.items()
        if key in before and before[key] != value
    ]
