"""The broker that announces work: Redis, RabbitMQ, or the process itself."""

import logging
from collections.abc import Callable
from typing import Final

import dramatiq
from dramatiq.brokers.stub import StubBroker

from core.errors import BadSetting
from core.settings import Settings

CONNECTING: Final = 5
"""Seconds to wait for a broker that hangs; the same as the default of the Redis client."""

logger = logging.getLogger(__name__)


def open_broker(settings: Settings) -> dramatiq.Broker:
    """Return the broker of the settings, which connects when it is first used.

    Raises:
        BadSetting: If the URL of the broker cannot be read.
    """
    try:
        return _open(settings)
    except ValueError:  # whose text may contain a part of the password
        raise BadSetting(
            "ALLOWANCE_BROKER_URL: its host, port or options cannot be read; write redis://HOST:PORT/N or "
            "amqp://USER:PASSWORD@HOST:PORT/VHOST, with what is special in a password percent-encoded."
        ) from None


def _open(settings: Settings) -> dramatiq.Broker:
    # Each import takes longer than a command that needs no broker.
    scheme = settings.broker_url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415

        namespace = f"{settings.queue}:dramatiq"
        return RedisBroker(url=settings.broker_url, namespace=namespace)  # type: ignore[no-untyped-call]
    if scheme in ("amqp", "amqps"):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415

        broker = RabbitmqBroker(url=settings.broker_url)
        broker.parameters.stack_timeout = CONNECTING  # type: ignore[attr-defined]  # of a URL they are no list
        # It reports as errors, with tracebacks, what dramatiq mends: the connections of idle threads end now and then.
        logging.getLogger("pika").setLevel("CRITICAL")
        return broker
    return StubBroker()


class Announcer:
    """An announcer of due refreshes to workers. A message says only that there are rows to claim."""

    def __init__(self, broker: dramatiq.Broker, queue: str, job: Callable[[], None]) -> None:
        """Declare the actor that runs `job` for each message of the queue."""
        declare = dramatiq.actor(broker=broker, actor_name="refresh_due", queue_name=queue, max_retries=0)
        self._actor: dramatiq.Actor[[], None] = declare(job)

    def announce(self) -> None:
        """Send a message. If the broker does not answer, the workers find the due refreshes by themselves later."""
        try:
            self._actor.send()
        except Exception as error:  # the client of each broker raises errors of its own
            logger.warning("the broker did not take a message, workers will look by themselves: %s", error)
