"""The start of every command: the settings, and the log on standard error."""

import logging

from core.settings import Settings, load_settings


def start(*, quiet: bool = True) -> Settings:
    """Read the settings, and start to log.

    Args:
        quiet: Log warnings only, whatever level the settings state.

    Raises:
        core.errors.BadSetting: A setting cannot be used.
    """
    settings = load_settings()
    level = "WARNING" if quiet else settings.log_level
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel("WARNING")
    return settings
