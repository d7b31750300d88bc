"""What every command begins with: the settings, and the log on standard error."""

import logging

from core.settings import Settings, load_settings


def start(*, quiet: bool = True) -> Settings:
    """Read the settings and begin to log: warnings alone where `quiet`, else what the settings say.

    Raises :class:`core.errors.BadSetting`.
    """
    settings = load_settings()
    level = "WARNING" if quiet else settings.log_level
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel("WARNING")
    return settings
