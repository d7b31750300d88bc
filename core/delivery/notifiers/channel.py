"""Partners' notifiers as a channel of the outbox. Each notifier runs in a child process of its own."""

import logging
import threading
from datetime import timedelta
from typing import Final

from allowance import Message
from sqlmodel import select

from core.database.engine import Database
from core.delivery.notifiers.message import message_of
from core.delivery.outbox.claim import ClaimedDelivery
from core.delivery.outbox.outcome import Outcome
from core.delivery.outbox.tables import DeliveryStatus
from core.licenses.tables import License
from core.plugins.contained import ContainedNotifier
from core.plugins.registry import Registry
from core.plugins.sandbox.failure import OUT_OF_MEMORY, TIMED_OUT
from core.plugins.sandbox.process import CannotStartProcess, ProcessLost
from core.plugins.sandbox.process_pool import ProcessPool
from core.plugins.sandbox.protocol import GAVE_UP, ChildFailure
from core.settings import Settings

logger = logging.getLogger(__name__)

DEADLINE: Final = timedelta(seconds=30)
"""The time that a notifier may take for a message."""


class NotifierChannel:
    """The channel of notifiers. A notifier that fails or hangs costs only its own deliveries."""

    def __init__(
        self, settings: Settings, database: Database, registry: Registry, deadline: timedelta = DEADLINE
    ) -> None:
        """Prepare the channel. Processes are started for the first message of each notifier."""
        self._settings = settings
        self._database = database
        self._registry = registry
        self._deadline = deadline
        self._lock = threading.Lock()
        self._pools: dict[str, ProcessPool] = {}

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        """Give a message to its notifier."""
        key, license_id = claimed.delivery.recipient, claimed.delivery.license_id
        notifier = self._registry.notifiers.get(key)
        if not isinstance(notifier, ContainedNotifier):
            return Outcome(DeliveryStatus.PARKED, "No worker has this notifier. Install it, and send this again.")
        if claimed.message.kind not in notifier.kinds:
            return Outcome(DeliveryStatus.DROPPED, "The notifier does not want messages of this kind any more.")
        with self._database.read() as session:
            license = session.exec(select(License).where(License.id == license_id)).one()
        message = message_of(claimed, license, self._registry, self._settings.consumption_page)
        return self._notify(claimed, self._pool_of(notifier), message)

    def _notify(self, claimed: ClaimedDelivery, pool: ProcessPool, message: Message) -> Outcome:
        key = claimed.delivery.recipient
        try:
            process = pool.acquire()
        except CannotStartProcess as error:
            logger.warning("No process for the notifier %s: %s", key, error)
            return Outcome(None, "No process for the notifier could be started. The log has the reason.")
        try:
            claimed.require_lease()
            failure = process.notify(key, message)
        except ProcessLost as lost:
            pool.discard(process)
            logger.warning("Notifier %s, message %s: %s", key, message.id, lost.detail)
            if lost.code == TIMED_OUT:
                return Outcome(None, "The notifier took too long and was stopped.")
            return Outcome(None, "The notifier ended or damaged its process. The log has the details.")
        except BaseException:
            pool.discard(process)
            raise
        if failure and failure.code == OUT_OF_MEMORY:
            pool.discard(process)  # it may still hold that memory
        else:
            pool.release(process)
        return self._outcome(key, message.id, failure)

    def close(self) -> None:
        """End the child processes, also those that handle a message."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()

    def _pool_of(self, notifier: ContainedNotifier) -> ProcessPool:
        with self._lock:
            if notifier.key not in self._pools:
                self._pools[notifier.key] = ProcessPool(
                    notifier.source,
                    self._deadline,
                    self._settings.meter_memory_mb * 2**20,
                    import_timeout=timedelta(seconds=self._settings.plugin_import_seconds),
                    max_idle=1,
                    environment=notifier.environment,
                )
            return self._pools[notifier.key]

    def _outcome(self, key: str, message_id: str, failure: ChildFailure | None) -> Outcome:
        if failure is None:
            return Outcome(DeliveryStatus.SENT, "The notifier sent the message.")
        if failure.code == GAVE_UP:
            return Outcome(DeliveryStatus.PARKED, f"The notifier gave up: {failure.detail}")
        logger.warning("Notifier %s, message %s: %s", key, message_id, failure.detail)
        if failure.code == OUT_OF_MEMORY:
            return Outcome(None, "The notifier needed more memory than allowed.")
        return Outcome(None, "The notifier failed. The log has the reason.")
