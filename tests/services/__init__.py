"""The real services that tests run against: found or, for PostgreSQL, started; and how a test gets its share.

A test says which services it needs with ``@pytest.mark.needs("redis")``. It runs where they answer, and is
counted at the end of the output where they do not (`plugin`).
"""

from .brokers import emptied_redis, rabbitmq_queues
from .catalogue import SERVICES
from .databases import postgres_databases, sqlite_databases
from .disks import mounted_disk
from .finder import Found, Services
from .postgres_server import CannotStart, PostgresServer, private_postgres, private_server, replica_of

__all__ = [
    "SERVICES",
    "CannotStart",
    "Found",
    "PostgresServer",
    "Services",
    "emptied_redis",
    "mounted_disk",
    "postgres_databases",
    "private_postgres",
    "private_server",
    "rabbitmq_queues",
    "replica_of",
    "sqlite_databases",
]
