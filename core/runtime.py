"""The runtime: the settings, the database, the plugins and the services that a process of Allowance uses."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy.exc import IntegrityError

from core.access.authenticator import Authenticator
from core.admission.admitter import Admitter
from core.database.connection_budget import CHECK_INS, share_of_requests
from core.database.engine import Database
from core.database.leases import claim_time
from core.measuring.measure import Measurer
from core.migrations.upgrade import prepare
from core.plugins.host import load_plugins
from core.plugins.known import load_known, news, remember
from core.plugins.registry import Registry
from core.queue.early_refresh import EarlyRefresh
from core.settings import Settings
from core.tracing import Tracing
from core.usage.bounds import usage_bounds
from core.usage.committer import Committer
from core.usage.retention import require_dedup_window

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The long-lived objects of a process, made once by :func:`open_runtime`."""

    settings: Settings
    database: Database
    registry: Registry
    measurer: Measurer
    committer: Committer
    authenticator: Authenticator
    admitter: Admitter
    tracing: Tracing


_MANY_OBJECTS = 200_000


@cache
def _collect_less() -> None:
    """Make Python look for garbage in cycles less often, from the first runtime of a process on.

    Batches make many objects without cycles, and searching them took a third of the time of a refresh. Python keeps all
    that it freezes, also garbage: a process that froze each runtime would keep the garbage of the runtime before.
    """
    gc.freeze()
    gc.set_threshold(_MANY_OBJECTS, 20, 20)


@contextmanager
def open_runtime(settings: Settings) -> Iterator[Runtime]:
    """Open the runtime, and close it at the end of the block. An SQLite database is migrated first.

    Raises:
        core.errors.SchemaNotCurrent: If a PostgreSQL database has not been migrated.
        core.errors.BadSetting: If the deduplication window is longer than the ledger.
    """
    tracing = Tracing(settings)
    address = settings.database_url, settings.host_lost_seconds
    database = Database(*address, share_of_requests(settings.database_connections))
    # SQLite has no other process to share connections with.
    check_ins = database if database.is_sqlite else Database(*address, CHECK_INS, beside=database)
    for engine in {*database.engines, *check_ins.engines}:
        tracing.trace_statements(engine)
    prepare(database)
    with database.read() as session:
        require_dedup_window(session, settings, datetime.now(UTC))
    _collect_less()
    measurer = Measurer(
        timeout=timedelta(seconds=settings.meter_timeout_seconds),
        memory=settings.meter_memory_mb * 2**20,
        import_timeout=timedelta(seconds=settings.plugin_import_seconds),
        max_cells=settings.meter_max_cells,
        database=database,
    )
    early_refresh = EarlyRefresh(database, timedelta(seconds=settings.refresh_after_seconds))
    committer = Committer(database, settings.max_waiting_events, early_refresh, usage_bounds(settings))
    registry = _load_plugins(settings, database)
    authenticator = Authenticator(
        check_ins,
        outage_seconds=settings.key_outage_seconds,
        unknown_per_second=settings.unknown_tokens_per_second,
    )
    admitter = Admitter(check_ins, registry, settings)
    try:
        yield Runtime(settings, database, registry, measurer, committer, authenticator, admitter, tracing)
    finally:
        admitter.close()
        committer.close()
        early_refresh.close()
        measurer.close()
        check_ins.close()
        database.close()
        tracing.close()


def _load_plugins(settings: Settings, database: Database) -> Registry:
    """Load the plugins beside those that the database knows, and let it know those that are new or changed."""
    with database.read() as session:
        known = load_known(session)
    registry = load_plugins(
        known=known,
        without=settings.plugins_left_out,
        safe_mode=settings.safe_mode,
        import_timeout=timedelta(seconds=settings.plugin_import_seconds),
    )
    if news(registry, known):
        try:
            with database.write() as session:
                remember(session, registry, load_known(session), claim_time(session))
        except IntegrityError:
            logger.info("Another process stored what the plugins declare at the same time.")
    return registry
