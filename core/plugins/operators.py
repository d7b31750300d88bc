"""Actions of operators on a partner's plugin: pause and resume it, confirm changed kinds, forget it."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.errors import NotFound
from core.nearest import did_you_mean
from core.plugins.breaker import end_pauses
from core.plugins.tables import HeldKey, KnownPlugin
from core.text import shown


def pause_plugin(session: Session, name: str, now: datetime) -> None:
    """Measure no meter of a plugin until it is resumed. Events of its types are taken and counted.

    Raises:
        NotFound: If no plugin of that name was ever loaded.
    """
    for plugin in _find(session, name):
        plugin.paused_at = plugin.paused_at or now


def resume_plugin(session: Session, name: str) -> None:
    """Measure the meters of a plugin again, also those that pause because they failed.

    Raises:
        NotFound: If no plugin of that name was ever loaded.
    """
    for plugin in _find(session, name):
        plugin.paused_at = None
    held = select(HeldKey.key).where(HeldKey.plugin == name, HeldKey.kind == "meter")
    end_pauses(session, session.exec(held).all())


def confirm_plugin(session: Session, name: str) -> None:
    """Let a plugin be loaded once with changed kinds of event types and changed units of meters.

    Raises:
        NotFound: If no plugin of that name was ever loaded.
    """
    for plugin in _find(session, name):
        plugin.confirmed = True


def forget_plugin(session: Session, name: str) -> None:
    """Forget what a plugin declared, so that other plugins can have its keys.

    Raises:
        NotFound: If no plugin of that name was ever loaded.
    """
    resume_plugin(session, name)
    for plugin in _find(session, name):
        session.delete(plugin)
    session.execute(sa.delete(HeldKey).where(col(HeldKey.plugin) == name))


def _find(session: Session, name: str) -> Sequence[KnownPlugin]:
    found = session.exec(select(KnownPlugin).where(KnownPlugin.name == name).with_for_update()).all()
    if not found:
        known = session.exec(select(KnownPlugin.name)).all()
        raise NotFound(
            f"No partner's plugin {shown(name)} was ever loaded.{did_you_mean(name, known)} 'allowance plugins' lists "
            "the plugins."
        )
    return found
