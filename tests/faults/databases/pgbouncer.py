"""PgBouncer in front of a database of the tests, with few sessions of the server for many clients."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import sleep

import psycopg
from sqlalchemy.engine import URL


@contextmanager
def pgbouncer(server: URL, pool_mode: str, *, ignored: str = "extra_float_digits") -> Iterator[URL]:
    """Start PgBouncer, and yield the URL of the database behind it.

    Args:
        server: The URL of the database, with a password.
        pool_mode: PgBouncer's `pool_mode`.
        ignored: Parameters at the start of a session that it drops instead of refusing the session.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    size = 2 if pool_mode == "transaction" else 40
    with tempfile.TemporaryDirectory() as home:
        config = Path(home, "pgbouncer.ini")
        config.write_text(f"""
[databases]
{server.database} = host={server.host} port={server.port or 5432} user={server.username} password={server.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = {server.username}
pool_mode = {pool_mode}
default_pool_size = {size}
max_client_conn = 200
ignore_startup_parameters = {ignored}
""")
        Path(home).chmod(0o755)
        account = "nobody" if os.getuid() == 0 else None  # it refuses to run as root
        running = subprocess.Popen(["pgbouncer", str(config)], user=account, stderr=subprocess.DEVNULL)
        try:
            while running.poll() is None:
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                sleep(0.05)
            yield server.set(host="127.0.0.1", port=port)
        finally:
            running.terminate()
            running.wait()


def reconnect(pooled: URL) -> None:
    """Let PgBouncer open new sessions of the server, which have the settings that the role has now."""
    console = f"host={pooled.host} port={pooled.port} user={pooled.username} dbname=pgbouncer"
    with closing(psycopg.connect(console, autocommit=True)) as connection:
        connection.execute("RECONNECT")
