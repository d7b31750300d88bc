"""Upkeep: the tasks that nothing else causes, such as to keep tables from growing, done at intervals by any worker."""

import logging
from functools import cache

from sqlalchemy.exc import OperationalError, ProgrammingError

from core.alerts.gone_meters import close_alerts_of_gone_meters
from core.database.leases import claim_time
from core.runtime import Runtime
from core.usage.retention import rotate_segments, segment_retention
from core.workers.purge_finished import purge_finished
from core.workers.tidy_quotas import tidy_due

logger = logging.getLogger(__name__)

EVERY_SECONDS = 600
"""The interval of the upkeep."""
_NO_RIGHT = "42501"
"""PostgreSQL's SQLSTATE of a role that lacks a right."""


def upkeep(runtime: Runtime) -> None:
    """Tidy quotas, close alerts of gone meters, and delete finished rows and old segments of the ledger.

    A busy ledger is left for the next time, and one whose tables this role may not change.
    """
    with runtime.database.read() as session:
        now = claim_time(session)
    tidy_due(runtime.database, runtime.registry, now)
    with runtime.database.write() as session:
        close_alerts_of_gone_meters(session, runtime.registry, now)
    purge_finished(runtime.database, now)
    try:
        rotate_segments(runtime.database, segment_retention(runtime.settings), now)
    except OperationalError as error:
        logger.info("the ledger is busy, its old segments are left for the next time: %s", error.orig)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
            raise
        _warn_once(str(error.orig).partition("\n")[0])


@cache
def _warn_once(cause: str) -> None:
    logger.warning(
        "the ledger goes on in its open segment and grows, because this role may not change its tables (%s): run "
        "'allowance migrate' as the owner of the tables, which makes segments ahead",
        cause,
    )
