"""What outlooks add to refreshes."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

from core.consumption.tables import ReadingHistory
from core.forecast.outlook import MOST_HISTORY
from core.refresh.outlooks import make_outlooks
from core.refresh.refresh import plan_refresh, save_refresh
from core.refresh.scope import RefreshScope
from core.runtime import open_runtime
from core.settings import load_settings
from tests.bench import places
from tests.bench.findings import Finding, Found, Remark, Scale
from tests.fixtures.engine import NOW, Engine, usage_event

TERMS: Final = {"profiles": 100_000, "interactions_per_profile": 10, "forms": 400, "users": 5}
MINUTES: Final = timedelta(minutes=5)
DAY: Final = timedelta(days=1)


def run(scale: Scale) -> Iterator[Found]:
    """The first refresh of a day, which looks ahead, against a later one of the same day; processor time, SQLite."""
    licenses, days = scale.of((20, 1), (50, 3), (500, 3))
    with ExitStack() as stack:
        url = f"sqlite:///{Path(stack.enter_context(TemporaryDirectory())) / 'bench.db'}"
        stack.enter_context(places.opened(url))
        engine = Engine(stack.enter_context(open_runtime(load_settings(database_url=url))))
        keys = [f"license-{number}" for number in range(licenses)]
        for key in keys:
            engine.license(key, "Europe/Brussels", TERMS)
            _make_history(engine, key)
        engine.send(*(usage_event("interaction.sent", key, quantity=5) for key in keys))
        engine.send(*(usage_event("forms.level", key, value=5) for key in keys))
        first, later = [], []
        for number in range(days):
            now = NOW + number * DAY
            first.append(_refresh(engine, keys, now))
            later.append(min(_refresh(engine, keys, now + step * MINUTES) for step in (1, 2)))
        ratios = [one / other for one, other in zip(first, later, strict=True)]
        yield Finding("first refresh of a day", "a later one", "ms a license", (min(first), min(later)), ratios)
        yield Remark(
            f"{licenses} licenses × {len(engine.runtime.registry.meters)} meters, {MOST_HISTORY} days of history."
        )


def _make_history(engine: Engine, key: str) -> None:
    license, amounts, used = engine.loaded(key), random.Random(key), dict.fromkeys(engine.runtime.registry.meters, 0)  # noqa: S311
    with engine.database.write() as session:
        for ago in range(MOST_HISTORY + 1, 0, -1):
            used = {meter: amount + amounts.randint(0, 100) for meter, amount in used.items()}
            readings = {meter: [amount, 1_000_000] for meter, amount in used.items()}
            at = license.end_of(license.today - ago * DAY)
            session.add(ReadingHistory(license_id=license.id, at=at, readings=readings))


def _refresh(engine: Engine, keys: list[str], now: datetime) -> float:
    """Return the milliseconds of processor time a license."""
    scopes, registry = {engine.id(key): RefreshScope() for key in keys}, engine.runtime.registry
    began = process_time()
    with engine.database.read() as session:
        plan = plan_refresh(session, scopes, registry, now)
    answers = engine.runtime.measurer.measure(plan.questions)
    outlooks = make_outlooks(plan, answers)
    with engine.database.write() as session:
        save_refresh(session, plan, answers, registry, outlooks=outlooks)
    return (process_time() - began) * 1000 / len(keys)
