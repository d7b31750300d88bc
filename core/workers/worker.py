"""A worker: threads for announced refreshes, a sweeper for unannounced work, and delivery threads."""

import logging
import math
import threading
from collections.abc import Collection, Mapping
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Final, Self

import dramatiq

from core.alerts.notified import record_notified
from core.database.engine import is_away
from core.delivery.channels import EMAIL, NOTIFIER, WEBHOOK
from core.delivery.mail.channel import MailChannel
from core.delivery.notifiers.channel import NotifierChannel
from core.delivery.outbox.claim import DeliveryFilter
from core.delivery.outbox.dispatch import Channel, send_due
from core.delivery.webhooks.channel import WebhookChannel
from core.runtime import Runtime
from core.workers.broker import Announcer, open_broker
from core.workers.held_runs import HeldRuns
from core.workers.refresh_due import open_held_runs, refresh_all_due
from core.workers.upkeep import EVERY_SECONDS, upkeep

DELIVERY_THREADS: Final = 4
"""Threads for e-mails, and as many for webhooks, so that endpoints that hang delay no e-mail. While some threads wait
for slow receivers, the others go on."""
ABANDONED: Final = timedelta(days=1)
"""The time for which a delivery waits for another worker that has its notifier installed."""

logger = logging.getLogger(__name__)


def open_announcer(runtime: Runtime, broker: dramatiq.Broker, held: HeldRuns | None = None) -> Announcer:
    """Return the announcer of due refreshes over a broker. The job of a worker holds its runs in `held`."""

    def job() -> None:
        refresh_all_due(runtime, held)

    return Announcer(broker, runtime.settings.queue, job)


class Worker:
    """The threads of a worker, which run from the beginning of a ``with`` block to its end.

    Used by the ``worker`` command and inside the embedded server. A stopped worker claims nothing more. It finishes
    what it has begun within the grace time of the settings, and gives back the rest.
    """

    def __init__(self, runtime: Runtime, broker: dramatiq.Broker | None = None) -> None:
        """Prepare the threads. Without a `broker`, the broker of the settings is used."""
        self._runtime: Final = runtime
        self._broker: Final = broker or open_broker(runtime.settings)
        self._held: Final = open_held_runs(runtime)
        self.announcer: Final = open_announcer(runtime, self._broker, self._held)
        self._stopped: Final = threading.Event()
        self._sweeper: Final = threading.Thread(target=self._sweep, name="sweeper", daemon=True)
        self._notifiers: Final = NotifierChannel(runtime.settings, runtime.database, runtime.registry)
        self._channels: Final[Mapping[str, Channel]] = {
            EMAIL: MailChannel(runtime.settings, runtime.database, runtime.registry),
            WEBHOOK: WebhookChannel(runtime.settings, runtime.database),
            NOTIFIER: self._notifiers,
        }
        self._delivery_threads: Final = [
            threading.Thread(target=self._deliver, args=(wanted,), name=f"delivery-{number}", daemon=True)
            for number, wanted in enumerate(_filters(runtime.registry.notifiers))
        ]
        self._worker: Final = dramatiq.Worker(
            self._broker,
            queues={runtime.settings.queue},
            worker_threads=runtime.settings.worker_threads,
            worker_timeout=100,
        )

    def __enter__(self) -> Self:
        """Start the threads."""
        self._worker.start()
        self._sweeper.start()
        for thread in self._delivery_threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the threads, and wait until they have finished their work, or until the grace time has passed."""
        self._held.stopping.set()
        self._stopped.set()
        end = monotonic() + self._runtime.settings.grace_seconds
        self._worker.stop(timeout=self._runtime.settings.grace_seconds * 1000)
        for thread in (self._sweeper, *self._delivery_threads):
            thread.join(timeout=max(end - monotonic(), 0))  # another worker repeats a sending that is cut off
        try:
            if given_back := self._held.give_back_all():
                logger.warning("stopped in the middle of %d refreshes, which other workers take over", given_back)
        except Exception as given_up:
            logger.warning("refreshes could not be given back, their leases have to end: %s", given_up)
        self._notifiers.close()
        self._broker.close()

    def _sweep(self) -> None:
        """Refresh what is due by schedule, unannounced, or left by a lost worker, and do the upkeep at its interval."""
        last_upkeep = -math.inf
        while not self._stopped.is_set():
            try:
                if monotonic() - last_upkeep >= EVERY_SECONDS:
                    last_upkeep = monotonic()
                    upkeep(self._runtime)
                refresh_all_due(self._runtime, self._held)
            except Exception as error:
                if not is_away(error):  # the log has a line for the whole outage
                    logger.exception("looking for due work failed; trying again")
            self._stopped.wait(self._runtime.settings.sweep_seconds)

    def _deliver(self, wanted: DeliveryFilter) -> None:
        """Send the deliveries of the outbox that a filter names, one after the other."""
        while not self._stopped.is_set():
            try:
                if send_due(self._runtime.database, self._channels, wanted, record_notified):
                    continue
            except Exception as error:
                if not is_away(error):
                    logger.exception("looking for deliveries failed; trying again")
            self._stopped.wait(self._runtime.settings.sweep_seconds)


def _filters(notifiers: Collection[str]) -> list[DeliveryFilter]:
    """Return the deliveries that each thread sends.

    E-mails and webhooks have :data:`DELIVERY_THREADS` each. Each notifier has a thread of its own, so that a notifier
    that hangs delays no other. The last thread parks deliveries to notifiers that are not installed here, once no
    other worker has claimed them for a day.
    """
    return [
        *[DeliveryFilter(channel) for channel in (EMAIL, WEBHOOK) for _ in range(DELIVERY_THREADS)],
        *[DeliveryFilter(NOTIFIER, recipient=key) for key in notifiers],
        DeliveryFilter(NOTIFIER, other_than=tuple(notifiers), overdue=ABANDONED),
    ]
