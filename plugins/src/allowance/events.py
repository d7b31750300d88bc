"""The types of usage events, and the dimensions that break usage down."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from allowance.errors import InvalidDeclaration
from allowance.text import check_text

KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
EVENT_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,4}")


def check_key(what: str, key: object) -> None:
    """Raise :class:`InvalidDeclaration` unless `key` consists of lower-case letters, digits and underscores."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidDeclaration(
            f"{what}: the key {key!r} must begin with a lower-case letter and hold only "
            f"lower-case letters, digits and underscores, 63 at most"
        )


def check_dimensions(what: str, dimensions: object) -> None:
    """Raise :class:`InvalidDeclaration` unless `dimensions` is a tuple of dimensions with distinct keys."""
    if not isinstance(dimensions, tuple) or not all(isinstance(dimension, Dimension) for dimension in dimensions):
        raise InvalidDeclaration(f"{what} must be a tuple of Dimension, as (Dimension('channel'),)")
    keys = [dimension.key for dimension in dimensions]
    if len(set(keys)) < len(keys):
        raise InvalidDeclaration(f"{what} names a dimension twice: {', '.join(keys)}")


@dataclass(frozen=True, slots=True)
class Dimension:
    """A property by which usage is broken down, such as the channel.

    Example::

        Dimension("platform", {"android": "Android", "ios": "iOS"}, Text("Platform", fr="Plateforme"))

    Attributes:
        key: The name of the property in events: lower-case letters, digits and underscores. The key ``entity``
            stands for the event's entity, and takes any value.
        values: The label for people of each known value, in the order of display. Events with another value are
            refused. Without values the dimension is open: it takes any value.
        title: The title for people; None for the key in words.

    Raises:
        InvalidDeclaration: If a value cannot work.
    """

    key: str
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    title: str | None = None

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_key("Dimension", self.key)
        if self.key == "entity" and self.values:
            raise InvalidDeclaration("Dimension: 'entity' takes any value; leave `values` out")
        if not isinstance(self.values, Mapping):
            raise InvalidDeclaration(f"Dimension {self.key}: `values` must map each value to its label")
        for value, label in self.values.items():
            check_text(f"Dimension {self.key}: a value", value)
            check_text(f"Dimension {self.key}: the label of {value!r}", label)
        if self.title is not None:
            check_text(f"Dimension {self.key}: `title`", self.title)
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def united(self, other: "Dimension") -> "Dimension":
        """Return the dimension with the values of both; open if either is. Title and labels of this one come first."""
        title = other.title if self.title is None else self.title
        if not self.values or not other.values:
            return Dimension(self.key, title=title)
        values = {**self.values, **{k: v for k, v in other.values.items() if k not in self.values}}
        return Dimension(self.key, values, title)


ENTITY: Final = Dimension("entity")


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of usage event.

    Example::

        EventType("push.sent", "counter", (Dimension("platform"),))

    Attributes:
        name: The ``type`` of the CloudEvents: lower-case words joined by dots, as ``interaction.sent``.
        kind: ``counter`` if quantities are added up, ``level`` if the newest value counts.
        dimensions: The dimensions that an event may carry. Meters that read the same type share its dimensions.
            The dimension ``entity`` is left out: the entity is a field of its own, which every event may have.
        spends: Whether the events spend credits. A day on which grants begin or end is then divided at these instants.

    Raises:
        InvalidDeclaration: If a value cannot work.
    """

    name: str
    kind: Literal["counter", "level"]
    dimensions: tuple[Dimension, ...] = ()
    spends: bool = False

    def __post_init__(self) -> None:
        """Check the declaration."""
        if not isinstance(self.name, str) or not EVENT_NAME.fullmatch(self.name):
            raise InvalidDeclaration(
                f"EventType: {self.name!r} must be lower-case words joined by dots, as 'interaction.sent'"
            )
        if self.kind not in ("counter", "level"):
            raise InvalidDeclaration(f"EventType {self.name}: kind is 'counter' or 'level', not {self.kind!r}")
        check_dimensions(f"EventType {self.name}: `dimensions`", self.dimensions)
        carried = tuple(dimension for dimension in self.dimensions if dimension.key != ENTITY.key)
        object.__setattr__(self, "dimensions", carried)

    def united(self, other: "EventType") -> "EventType":
        """Return the type with the dimensions of both declarations, each with the values of both.

        Raises:
            InvalidDeclaration: If the kinds differ.
        """
        if self.kind != other.kind:
            raise InvalidDeclaration(
                f"EventType {self.name}: it is a {self.kind}, and cannot be a {other.kind} as well"
            )
        dimensions = {dimension.key: dimension for dimension in self.dimensions}
        for dimension in other.dimensions:
            known = dimensions.get(dimension.key)
            dimensions[dimension.key] = known.united(dimension) if known else dimension
        return EventType(self.name, self.kind, tuple(dimensions.values()), self.spends or other.spends)
