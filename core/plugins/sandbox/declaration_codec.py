"""The declarations of a plugin as JSON: what a child process answers after it imported the plugin.

A value that JSON does not have is an object with one key, the name of its type. A decoded declaration is made by the
constructors of the SDK, so that a forged declaration is refused as any other that cannot work.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, cast

from allowance import Application, Dimension, EventType, Latest, Meter, Notifier, Section, Text, Total, Unit
from allowance.contribution import Contribution, check_contribution, unite_event_types
from allowance.meter import Enforcement
from allowance.text import ENGLISH, UnitFormat

from core.plugins.contained import KINDS, ContainedMeter, ContainedNotifier
from core.plugins.source import PluginSource

_PARTS: Final[dict[str, type]] = {
    part.__name__: part for part in (Application, Dimension, EventType, Latest, Total, Unit)
}
_KINDS: Final[dict[str, type[Meter]]] = {kind.__name__: kind for kind in KINDS}
_OTHER: Final = "Meter"


def encode_declarations(contribution: Contribution) -> dict[str, Any]:
    """Return the data of the declarations of a plugin.

    Raises:
        TypeError: If a declaration holds a value of another type than the SDK declares.
    """
    return {
        "sections": [_fields_of(Section, section) for section in contribution.sections],
        "meters": [_encode_meter(meter) for meter in contribution.meters],
        "notifiers": [_fields_of(Notifier, notifier) for notifier in contribution.notifiers],
    }


def decode_declarations(data: object, source: PluginSource, *, is_loaded: bool = True) -> Contribution:
    """Return the declarations of a plugin.

    Args:
        data: The data, which may be anything: partners' code may have forged it.
        source: The plugin.
        is_loaded: Whether the plugin is loaded. If not, its meters are not measured.

    Raises:
        Exception: If the data is not what :func:`encode_declarations` returns, or a declaration cannot work.
    """
    parts = cast("Mapping[str, Any]", data)
    sections = [Section(**_decode_fields(section)) for section in parts["sections"]]
    meters = [_decode_meter(meter, source, is_loaded) for meter in parts["meters"]]
    notifiers = [ContainedNotifier(source=source, **_decode_fields(notifier)) for notifier in parts["notifiers"]]
    checked = check_contribution("allowance_meters", Meter, meters)  # type: ignore[type-abstract]
    return Contribution(
        check_contribution("allowance_sections", Section, sections),
        checked,
        unite_event_types(checked),
        check_contribution("allowance_notifiers", Notifier, notifiers),  # type: ignore[type-abstract]
    )


def _encode_meter(meter: Meter) -> dict[str, Any]:
    kind = next((kind for kind in KINDS if isinstance(meter, kind)), Meter)
    return {
        "kind": kind.__name__,
        "own": type(meter) is not kind,
        "fields": _fields_of(kind, meter),
        "events": _encode(meter.events()),
        "enforcement": meter.enforcement.value,
        "counts_over_period": meter.counts_over_period,
    }


def _decode_meter(data: Mapping[str, Any], source: PluginSource, is_loaded: bool) -> Meter:
    declared = _decode_fields(data["fields"])
    if not data["own"] and is_loaded:
        return _KINDS[data["kind"]](**declared)
    contained = ContainedMeter if data["kind"] == _OTHER else KINDS[_KINDS[data["kind"]]]
    meter = contained(source=source, event_types=_decode(data["events"]), is_loaded=is_loaded, **declared)
    object.__setattr__(meter, "enforcement", Enforcement(data["enforcement"]))
    object.__setattr__(meter, "counts_over_period", bool(data["counts_over_period"]))
    return meter


def _fields_of(declared_by: type, declaration: object) -> dict[str, Any]:
    """Return the fields that a class of the SDK declares. Fields that a subclass adds stay with its code."""
    return {field.name: _encode(getattr(declaration, field.name)) for field in fields(declared_by)}


def _decode_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _decode(value) for name, value in data.items()}


def _encode(value: object) -> Any:  # noqa: PLR0911 - one for each type
    match value:
        case None | bool():
            return value
        case UnitFormat():
            return {"UnitFormat": value.value}
        case Text():
            return {"Text": {tag: str.__str__(text) for tag, text in value.languages.items()}}
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case Decimal():
            return {"Decimal": str(value)}
        case timedelta():
            return {"timedelta": [value.days, value.seconds, value.microseconds]}
        case tuple():
            return [_encode(item) for item in value]
        case Mapping():
            return {"Mapping": [[_encode(key), _encode(item)] for key, item in value.items()]}
    for name, part in _PARTS.items():
        if isinstance(value, part):
            return {name: _fields_of(part, value)}
    raise TypeError(f"a declaration holds a {type(value).__name__}, which is not a type of the SDK")


def _decode(data: Any) -> Any:  # noqa: PLR0911 - one for each type
    if isinstance(data, list):
        return tuple(_decode(item) for item in data)
    if not isinstance(data, dict):
        return data
    ((name, value),) = data.items()
    match name:
        case "UnitFormat":
            return UnitFormat(value)
        case "Text":
            others = {tag: text for tag, text in value.items() if tag != ENGLISH}
            return Text(value[ENGLISH], **others)
        case "Decimal":
            return Decimal(value)
        case "timedelta":
            return timedelta(*value)
        case "Mapping":
            return {_decode(key): _decode(item) for key, item in value}
    return _PARTS[name](**_decode_fields(value))
