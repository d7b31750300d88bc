"""The start of every command: the settings, and the log on standard error."""

import logging
from collections.abc import Sequence
from typing import Annotated

import typer

from core.settings import Settings, load_settings
from core.text import visible

WithoutPlugin = Annotated[
    list[str] | None,
    typer.Option("--without-plugin", help="Leave out a partner's plugin; may be given several times.", metavar="NAME"),
]
SafeMode = Annotated[bool, typer.Option("--safe-mode", help="Leave out all partners' plugins.")]


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


def leave_out(settings: Settings, plugins: Sequence[str] | None, *, safe_mode: bool) -> Settings:
    """Return the settings with further partners' plugins to leave out, or in safe mode all of them."""
    names = ",".join([*settings.plugins_left_out, *(plugins or ())])
    return settings.model_copy(update={"without_plugins": names or None, "safe_mode": settings.safe_mode or safe_mode})


class _VisibleFormatter(logging.Formatter):
    """A formatter whose lines hold no commands for terminals, whatever was logged."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return visible(super().format(record))
