"""The source of a plugin: all that a child process needs to import it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PluginSource:
    """The entry point of a partner's plugin.

    Attributes:
        name: The name of the entry point, by which operators know the plugin.
        module: The value of the entry point: the name of the plugin's module.
    """

    name: str
    module: str
