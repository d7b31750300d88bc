"""The guard of a meter: no network, files, databases, processes or secrets; and a bound on what it prints."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from core.database.engine import Database
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import engine_with, own_meter
from tests.fixtures.engine import NOW, usage_event

FORBIDDEN = {
    "connects": ("import socket\nsocket.create_connection(('127.0.0.1', 5432))", "use the network (socket."),
    "resolves": ("import socket\nsocket.getaddrinfo('localhost', 80)", "use the network (socket."),
    "reads": ("open('/etc/passwd')", "read files (/etc/passwd)"),
    "writes": ("open('/dev/shm/written', 'w')", "write files (/dev/shm/written)"),
    "appends": ("os.open('/dev/shm/written', os.O_RDWR)", "write files (/dev/shm/written)"),
    "removes": ("os.remove('/nowhere')", "change files (os.remove)"),
    "stores": ("import sqlite3\nsqlite3.connect('/dev/shm/written')", "open a database (sqlite3.connect)"),
    "forks": ("os.fork()", "start a process (os.fork)"),
    "starts": ("import subprocess\nsubprocess.run(['true'])", "start a process (subprocess.Popen)"),
    "kills": ("os.kill(os.getppid(), 0)", "send a signal (os.kill)"),
    "looks": ("open(f'/proc/{os.getppid()}/environ')", "look into another process (/proc/"),
}


def test_a_meter_may_use_its_arguments_alone_and_gets_a_clear_error(
    load: Load, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    registry = load(
        bad="".join(own_meter(key, f"{body}\nreturn Reading(used=1)") for key, (body, _) in FORBIDDEN.items())
        + own_meter("imports", "import colorsys, zoneinfo\nzoneinfo.ZoneInfo('Asia/Tokyo')\nreturn Reading(used=1)")
    )
    with engine_with(registry, database) as engine, caplog.at_level(logging.WARNING, "core.plugins"):
        engine.license("acme", terms={})
        engine.refresh()
        readings = engine.readings()

    assert readings["imports"].used == 1
    lines = [record.getMessage() for record in caplog.records]
    unclear = [
        key
        for key, (_, reason) in FORBIDDEN.items()
        if not any(f"meter {key}, " in line and f" may not {reason}" in line for line in lines)
    ]
    assert unclear == []
    assert not Path("/dev/shm/written").exists()  # noqa: S108
    assert {key for key, reading in readings.items() if reading.problem} == FORBIDDEN.keys()


PEEKS = """
import ctypes
LIBC = ctypes.CDLL(None)
BUFFER = ctypes.create_string_buffer(1)
FOUND = LIBC.read(LIBC.open(f"/proc/{os.getppid()}/environ".encode(), 0), BUFFER, 1)
"""


def test_a_plugin_cannot_read_the_environment_of_the_server_past_python(load: Load, database: Database) -> None:
    registry = load(bad=PEEKS + own_meter("peeks", "return Reading(used=max(FOUND, 0))"))
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={})
        engine.refresh()
        assert engine.reading("peeks").used == 0


def test_what_a_plugin_prints_is_named_and_cut_off(
    load: Load, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    flood = "for _ in range(20): print('y' * (1 << 20))\nreturn Reading(used=1)"
    registry = load(bad="print('hello')\n" + own_meter("floods", flood))
    with engine_with(registry, database) as engine, caplog.at_level(logging.WARNING, "core.plugins"):
        for license in ("acme", "globex"):
            engine.license(license, terms={})
            engine.refresh(license)
            assert engine.reading("floods", license).used == 1

    printed = [record.getMessage() for record in caplog.records if "printed" in record.getMessage()]
    assert all(line.startswith("The plugin bad printed: ") for line in printed)
    assert sum(map(len, printed)) < 20_000
    assert any("bytes more are left out" in line for line in printed)


def test_a_meter_that_fails_every_day_logs_one_traceback_for_a_refresh(
    load: Load, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    counted = "(EventType('job.done', 'counter'),)"
    registry = load(bad=own_meter("fail_one", "raise ValueError('boom')", counted))
    with engine_with(registry, database) as engine, caplog.at_level(logging.WARNING, "core.plugins"):
        for license in ("acme", "globex"):
            engine.license(license, terms={})
            engine.backfill(usage_event("job.done", license, NOW - timedelta(days=50)))
        engine.refresh("acme", "globex")

    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "Traceback" in line]) == 1
    assert [line for line in lines if "more like" in line] == [
        "METER_FAILED: meter fail_one: 101 more like the one above"
    ]


def test_an_open_dimension_of_another_plugin_does_not_switch_off_validation(load: Load, database: Database) -> None:
    closed = "(EventType('push.sent', 'counter', (Dimension('platform', {'ios': 'iOS'}),)),)"
    opened = "(EventType('push.sent', 'counter', (Dimension('platform'), Dimension('user'))),)"
    registry = load(
        aaa=own_meter("real", "return Reading(used=1)", closed), bbb=own_meter("bad", "return Reading(used=1)", opened)
    )
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={})
        sent = engine.send(
            usage_event("push.sent", dimensions={"platform": "ios", "user": "u1"}),
            usage_event("push.sent", dimensions={"platform": "nonsense"}),
        )
        assert (sent.accepted, len(sent.rejected)) == (1, 1)
