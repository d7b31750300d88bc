"""Plugins that were loaded once: their declarations as of the last time, and the keys that they hold.

A plugin keeps its keys for as long as it declares them, and while it cannot be loaded or is not installed. Later
plugins cannot take them. While a plugin cannot be loaded, its last declarations stand for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.plugins.discovery import is_own_distribution
from core.plugins.registry import InstalledPlugin, Registry
from core.plugins.sandbox.declaration_codec import encode_declarations
from core.plugins.tables import HeldKey, KnownPlugin


class PluginId(NamedTuple):
    """The name of a plugin's entry point, and of its distribution, "" if unknown."""

    name: str
    distribution: str

    @classmethod
    def of(cls, plugin: InstalledPlugin) -> "PluginId":
        """Return the identity of an installed plugin."""
        return cls(plugin.name, plugin.distribution or "")


class Key(NamedTuple):
    """A key, and what it is the key of: section, meter or notifier."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class KnownPlugins:
    """The plugins that were loaded once, and the holders of keys."""

    plugins: Mapping[PluginId, KnownPlugin] = field(default_factory=dict)
    holders: Mapping[Key, PluginId] = field(default_factory=dict)

    def rank(self, plugin: InstalledPlugin) -> tuple[bool, float]:
        """Return the sort key by which plugins that were there first come first, and new ones last."""
        known = self.plugins.get(PluginId.of(plugin))
        return (known is None, known.first_seen.timestamp() if known else 0)


def keys_of(plugin: InstalledPlugin) -> Iterator[Key]:
    """Yield the keys of a plugin, each of which one plugin alone can have."""
    yield from (Key("section", section.key) for section in plugin.sections)
    yield from (Key("meter", key) for key in {key for meter in plugin.meters for key in (meter.key, *meter.replaces)})
    yield from (Key("notifier", notifier.key) for notifier in plugin.notifiers)


def load_known(session: Session) -> KnownPlugins:
    """Load the plugins that were loaded once, and the holders of keys."""
    plugins = {PluginId(row.name, row.distribution): row for row in session.exec(select(KnownPlugin))}
    holders = {Key(row.kind, row.key): PluginId(row.plugin, row.distribution) for row in session.exec(select(HeldKey))}
    session.expunge_all()
    return KnownPlugins(plugins, holders)


def declared_by(plugin: InstalledPlugin) -> dict[str, Any]:
    """Return the declarations of a loaded plugin as they are stored."""
    stored: dict[str, Any] = orjson.loads(orjson.dumps(encode_declarations(plugin.contribution)))
    return stored


def remember(session: Session, registry: Registry, known: KnownPlugins, now: datetime) -> None:
    """Store the declarations and the keys of the partners' plugins that are loaded, as far as they are news.

    Args:
        session: The session of a transaction that writes.
        registry: The plugins, as they were loaded beside the known ones.
        known: The known plugins.
        now: The present time.
    """
    for plugin in news(registry, known):
        who = PluginId.of(plugin)
        before = known.plugins.get(who)
        row = KnownPlugin(
            name=who.name,
            distribution=who.distribution,
            version=plugin.version,
            first_seen=before.first_seen if before else now,
            loaded_at=now,
            declared=declared_by(plugin),
            paused_at=before.paused_at if before else None,
        )
        session.merge(row)
        held = {key for key, holder in known.holders.items() if holder == who}
        keys = set(keys_of(plugin))
        for kind, key in sorted(held - keys):
            session.execute(sa.delete(HeldKey).where(col(HeldKey.kind) == kind, col(HeldKey.key) == key))
        for kind, key in sorted(keys - held):
            session.merge(HeldKey(kind=kind, key=key, plugin=who.name, distribution=who.distribution, since=now))


def news(registry: Registry, known: KnownPlugins) -> list[InstalledPlugin]:
    """Return the partners' plugins that are loaded, and of which the database does not know the declarations yet."""
    return [plugin for plugin in registry.plugins if not plugin.problem and _is_news(plugin, known)]


def _is_news(plugin: InstalledPlugin, known: KnownPlugins) -> bool:
    if is_own_distribution(plugin.distribution):
        return False
    before = known.plugins.get(PluginId.of(plugin))
    return (
        before is None
        or before.confirmed
        or (before.version, before.declared) != (plugin.version, declared_by(plugin))
        or any(known.holders.get(key) is None for key in keys_of(plugin))
    )
