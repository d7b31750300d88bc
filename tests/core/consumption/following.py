"""Changes of licenses, and coroutines that follow them and never wait for ever."""

import asyncio
from collections.abc import Awaitable, Callable

from core.consumption.snapshots import mark_changed
from core.database.engine import Database

PATIENCE = 120
"""Seconds until a coroutine that waits in vain fails."""


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine to its end."""

    async def within() -> None:
        async with asyncio.timeout(PATIENCE):
            await work()

    asyncio.run(within())


def change(database: Database, license_id: int) -> None:
    """Mark a license as changed, and commit."""
    with database.write() as session:
        mark_changed(session, license_id)
