"""Two workers whose clocks differ by five minutes: each refresh and message happens once, and pauses hold for both."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import sleep

import pytest
from sqlmodel import Session, select

from core.consumption.tables import Snapshot
from core.database.dialect import current_time
from core.database.engine import Database
from core.database.leases import claim_time
from core.delivery.outbox.tables import DeliveryStatus
from core.plugins.breaker import load_pauses, pause_of
from core.queue.queue import schedule_now
from tests.bench.licenses import make_licenses
from tests.e2e.crossings import NETWORKS, deliveries, engine_on, make_crossing
from tests.e2e.plugins import install
from tests.e2e.processes import Installation, eventually
from tests.e2e.recipients import Answer, recipients
from tests.faults.plugins.partners import own_meter, plugin
from tests.forms import long

pytestmark = pytest.mark.needs("postgres")
LICENSES = 10
ROUNDS = 4
NOBODY_ANNOUNCES = "redis://127.0.0.1:1/0"
SKEW = timedelta(minutes=5)
"""Longer than a lease, so that by the other clock each lease is over when it begins."""
ANSWERED = 0.2
"""Seconds that each recipient takes, one after the other, so that deliveries are under way most of the time."""
# Python imports a module of this name at its start.
SHIFT = """
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

if any(Path(given).name == "allowance" for given in sys.orig_argv):
    import time_machine

    time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds={seconds}), tick=True).start()
    Path(__file__).with_name("done").touch()
"""


def slowly(_: str) -> Answer:
    sleep(ANSWERED)
    return Answer.TAKE


@pytest.fixture
def url(new_postgresql: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_postgresql() as url:
        yield url


def shifted_by(home: Path, skew: timedelta) -> Path:
    """Return a folder on whose path the commands of Allowance have another clock."""
    folder = home / "shifted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SHIFT.format(seconds=skew.total_seconds()))
    return folder


@pytest.mark.parametrize("skew", [SKEW, long(-SKEW)])
def test_a_worker_whose_clock_differs_sends_no_message_a_second_time(url: str, tmp_path: Path, skew: timedelta) -> None:
    folder = shifted_by(tmp_path, skew)
    with recipients() as there, closing(Database(url)) as database:
        there.answer = slowly
        settings: dict[str, object] = {
            "broker_url": NOBODY_ANNOUNCES,
            "smtp_url": there.smtp_url,
            "webhook_networks": NETWORKS,
            "sweep_seconds": 0.2,
        }
        right = Installation(tmp_path, url, settings)
        shifted = Installation(folder, url, settings, (folder,))
        with right.working(), shifted.working():
            assert (folder / "done").exists()
            with engine_on(url) as engine:
                make_crossing(engine, LICENSES, there.hooks_url)
            eventually(lambda: len(deliveries(database)) == 2 * LICENSES)
            eventually(lambda: {one.status for one in deliveries(database)} == {DeliveryStatus.SENT.value})
        sent = deliveries(database)
        assert there.arrived == Counter({(one.channel, one.id): 1 for one in sent})
        assert {one.attempts for one in sent} == {1}
        with database.read() as session:
            assert {snapshot.refreshed for snapshot in session.exec(select(Snapshot))} == {1}


@pytest.mark.parametrize("skew", [SKEW, long(-SKEW)])
def test_a_meter_that_hangs_is_asked_after_its_pauses_alone_whichever_clock_a_worker_has(
    url: str, tmp_path: Path, skew: timedelta
) -> None:
    shifting = shifted_by(tmp_path, skew)
    install(tmp_path / "partner", "bad", plugin(own_meter("loops", "while True: pass")))
    settings: dict[str, object] = {
        "broker_url": NOBODY_ANNOUNCES,
        "sweep_seconds": 0.2,
        "refresh_batch": 1,  # so that each has its share
        "meter_timeout_seconds": 1,
    }
    right = Installation(tmp_path, url, settings, (tmp_path / "partner",))
    shifted = Installation(shifting, url, settings, (shifting, tmp_path / "partner"))
    # By their own clocks, the worker that is behind would begin a pause in the past, and the other one end it too soon.
    first, second = (right, shifted) if skew > timedelta() else (shifted, right)
    with closing(Database(url)) as database, first.working(), ExitStack() as stack:
        make_licenses(database, LICENSES)
        with database.read() as session:
            began = now_of(session)
        for round in range(1, ROUNDS + 1):
            with database.write() as session:
                for number in range(1, LICENSES + 1):
                    schedule_now(session, number, claim_time(session))
            eventually(partial(are_refreshed, database, round))
            if round == 1:
                stack.enter_context(second.working())
        with database.read() as session:
            [pause] = load_pauses(session).meters.values()
            pauses = sum((pause_of(failures) for failures in range(1, pause.failures)), timedelta())
            assert pause.since > began
            assert now_of(session) - pause.since >= pauses


def are_refreshed(database: Database, times: int) -> bool:
    with database.read() as session:
        return all(snapshot.refreshed >= times for snapshot in session.exec(select(Snapshot)))


def test_leases_go_by_the_clock_of_the_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.database.leases.current_time", current_time)  # other tests move their own clock
    with closing(Database(url)) as database, database.read() as session:
        before, found, after = now_of(session), claim_time(session), now_of(session)
    assert before < found < after


def now_of(session: Session) -> datetime:
    return datetime.fromisoformat(str(session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()))
