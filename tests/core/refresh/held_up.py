"""A refresh that is held up between measuring and saving."""

from datetime import datetime

from core.refresh.refresh import plan_refresh, save_refresh
from tests.core.refresh.common import ALL
from tests.fixtures.engine import Engine


class HeldUp:
    """A refresh that planned and measured, and is held up before it saves."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._engine, self._registry = engine, engine.runtime.registry
        with engine.database.read() as session:
            self._plan = plan_refresh(session, {engine.id(): ALL}, self._registry, now)
        self._answers = engine.runtime.measurer.measure(self._plan.questions)

    def save(self) -> None:
        with self._engine.database.write() as session:
            save_refresh(session, self._plan, self._answers, self._registry)
