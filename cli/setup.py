"""The start of every command: the settings, and the log on standard error."""

import logging

from core.settings import Settings, load_settings
from core.text import visible


def start(*, quiet: bool = True) -> Settings:
    """Read the settings, and start to log.

    Args:
        quiet: Log warnings only, whatever level the settings state.

    Raises:
        core.errors.BadSetting: A setting cannot be used.
    """
    settings = load_settings()
    level = "WARNING" if quiet else settings.log_level
    handler = logging.StreamHandler()
    handler.setFormatter(_VisibleFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("alembic").setLevel("WARNING")
    return settings


class _VisibleFormatter(logging.Formatter):
    """A formatter whose lines hold no commands for terminals, whatever was logged."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return visible(super().format(record))
