"""What a license's usage can be of."""

from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

import orjson

from core.plugins.registry import Registry

ENTITIES: Final = ("be", "fr", "nl")


class Series(NamedTuple):
    """An event type with an entity or dimensions; these as canonical JSON."""

    event: str
    entity: str
    dimensions: str
    level: bool


def series_of(registry: Registry) -> Iterator[Series]:
    """Every series that events of the built-in meters can make, with three entities where there is no dimension."""
    for event in registry.event_types.values():
        level = event.kind == "level"
        if not event.dimensions:
            yield from (Series(event.name, entity, "", level) for entity in ENTITIES)
            continue
        keys = [dimension.key for dimension in event.dimensions]
        for values in product(*(dimension.values for dimension in event.dimensions)):
            dimensions = orjson.dumps(dict(zip(keys, values, strict=True)), option=orjson.OPT_SORT_KEYS).decode()
            yield Series(event.name, "", dimensions, level)
