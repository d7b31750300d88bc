"""Licenses that cross a limit at their next refresh, and what was recorded and sent of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.database.engine import Database
from core.delivery.outbox.tables import Delivery
from core.delivery.webhooks.sign import new_secret
from core.delivery.webhooks.tables import WebhookEndpoint
from core.licenses.tables import License, LicenseAdmin
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun
from core.runtime import open_runtime
from core.settings import Settings
from tests.bench.licenses import TERMS, license_key, make_licenses
from tests.fixtures.engine import Engine, usage_event

NETWORKS: Final = "127.0.0.0/8"
METERS: Final = ("forms", "scenarios", "segmentation_rules", "users")
"""Each with a limit, and measured by a level."""


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    with open_runtime(Settings(database_url=url)) as runtime:
        yield Engine(runtime)


def make_crossing(engine: Engine, licenses: int, hooks_url: str) -> list[str]:
    """So many licenses, each with an admin and an endpoint, that use more than four limits and are due; their keys."""
    make_licenses(engine.database, licenses)
    now = datetime.now(UTC)
    secrets = [{"secret": new_secret(), "until": None}]
    with engine.database.write() as session:
        ids = session.exec(select(License.id)).all()
        session.execute(
            sa.insert(LicenseAdmin), [{"license_id": one, "email": f"ann@{one}.example"} for one in ids]
        )  # fmt: skip
        session.execute(
            sa.insert(WebhookEndpoint),
            [
                {"license_id": one, "id": "hook", "key": "hook", "url": hooks_url, "enabled": True, "secrets": secrets,
                 "created_at": now}
                for one in ids
            ],
        )  # fmt: skip
    keys = [license_key(number) for number in range(licenses)]
    report(engine, keys, over=True)
    with engine.database.write() as session:
        session.execute(sa.update(RefreshRun).where(col(RefreshRun.id) == SCHEDULE).values(due_at=now))
    return keys


def report(engine: Engine, keys: Sequence[str], *, over: bool) -> None:
    """Let each license stand one over the limits of its meters, or at nothing."""
    now = datetime.now(UTC)
    events = [
        usage_event(f"{meter}.level", key, now, value=int(TERMS[meter]) + 1 if over else 0)
        for key in keys
        for meter in METERS
    ]
    assert engine.send(*events, now=now).accepted == len(events)


def deliveries(database: Database) -> Sequence[Delivery]:
    with database.read() as session:
        return session.exec(select(Delivery).order_by(col(Delivery.license_id), col(Delivery.channel))).all()


def lose_claims(session: Session) -> set[tuple[str, str]]:
    """Let the leases end of all that is on its way, once nobody works who could still send it; what that is."""
    on_their_way = col(Delivery.claim).is_not(None)
    lost = {(channel, id) for channel, id in session.execute(select(Delivery.channel, Delivery.id).where(on_their_way))}
    session.execute(sa.update(Delivery).where(on_their_way).values(due_at=datetime.now(UTC)))
    return lost


def wait_no_longer(session: Session) -> None:
    """Let everything that waits, and that nobody has, be due."""
    now = datetime.now(UTC)
    waiting = sa.and_(col(Delivery.claim).is_(None), col(Delivery.due_at) > now)
    session.execute(sa.update(Delivery).where(waiting).values(due_at=now))
