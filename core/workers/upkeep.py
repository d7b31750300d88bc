"""Upkeep: the tasks that nothing else causes, such as to keep tables from growing, done at intervals by any worker."""

import logging
from datetime import UTC, datetime

from sqlalchemy.exc import OperationalError

from core.alerts.gone_meters import close_alerts_of_gone_meters
from core.runtime import Runtime
from core.usage.retention import rotate_segments, segment_retention
from core.workers.purge_finished import purge_finished
from core.workers.tidy_quotas import tidy_due

logger = logging.getLogger(__name__)

EVERY_SECONDS = 600
"""The interval of the upkeep."""


def upkeep(runtime: Runtime) -> None:
    """Tidy quotas, close alerts of gone meters, and delete finished rows and old segments of the ledger.

    A busy ledger is left for the next time.
    """
    tidy_due(runtime.database, runtime.registry, datetime.now(UTC))
    with runtime.database.write() as session:
        close_alerts_of_gone_meters(session, runtime.registry, datetime.now(UTC))
    purge_finished(runtime.database, datetime.now(UTC))
    try:
        rotate_segments(runtime.database, segment_retention(runtime.settings), datetime.now(UTC))
    except OperationalError as error:
        logger.info("the ledger is busy, its old segments are left for the next time: %s", error.orig)
