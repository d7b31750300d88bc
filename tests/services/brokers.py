"""A test's own share of a message broker that others use too."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pika  # type: ignore[import-untyped]
import redis
from dramatiq.common import dq_name, xq_name

SCRATCH = 15
"""The one Redis database that tests ever empty."""


def check_scratch(url: str) -> None:
    """Raise ValueError unless the Redis URL names the database that tests may empty."""
    database = redis.ConnectionPool.from_url(url).connection_kwargs.get("db", 0)
    if database != SCRATCH:
        raise ValueError(f"it names database {database}, but tests empty only {SCRATCH}; end it in /{SCRATCH}")


@contextmanager
def emptied_redis(url: str) -> Iterator[str]:
    """Yield the URL of an empty Redis database that no other test uses meanwhile; it is emptied again after.

    Tests of the same user on the same machine wait for each other here.

    Raises:
        ValueError: the URL names another database than the one that tests may empty.
    """
    check_scratch(url)
    with closing(redis.Redis.from_url(url)) as client, _alone():
        client.flushdb()
        try:
            yield url
        finally:
            client.flushdb()


@contextmanager
def _alone() -> Iterator[None]:
    with Path(tempfile.gettempdir(), f"allowance-test-redis-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough while a process that the test forked has the file open as well.
            fcntl.flock(lock, fcntl.LOCK_UN)


@contextmanager
def rabbitmq_queues(url: str, *names: str) -> Iterator[str]:
    """Yield a prefix for queue names that nobody else uses, and delete the named queues after.

    A virtual host would separate tests as well, but AMQP cannot create one.

    Parameters:
        names: the queues, without the prefix, as dramatiq's actors name them; the queues that dramatiq adds
            to each for delayed and for dead messages go with it.
    """
    prefix = f"allowance-test-{secrets.token_hex(4)}-"
    try:
        yield prefix
    finally:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            for name in names:
                queue = prefix + name
                for each in (queue, dq_name(queue), xq_name(queue)):
                    channel.queue_delete(each)
