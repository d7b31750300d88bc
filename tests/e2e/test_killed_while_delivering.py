"""Whoever delivers is killed meanwhile: everything arrives, and twice only what nobody knew to have arrived."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.database.engine import Database
from core.delivery.outbox.dispatch import LEASE
from core.delivery.outbox.tables import DeliveryStatus
from tests.e2e.crossings import NETWORKS, deliveries, engine_on, lose_claims, make_crossing
from tests.e2e.held import Step, hold_at
from tests.e2e.processes import Installation, Process, eventually
from tests.e2e.recipients import Answer, Recipients, recipients
from tests.forms import long

NO_BROKER = "redis://127.0.0.1:1/0"
"""Workers look by themselves for what nobody announces."""
SENT = DeliveryStatus.SENT.value


@pytest.fixture
def there() -> Iterator[Recipients]:
    with recipients() as found:
        yield found


@pytest.fixture
def crossed(installation: Installation, there: Recipients) -> Installation:
    """A license that has crossed a limit, of which an e-mail and a webhook are to tell."""
    installation.settings |= {"smtp_url": there.smtp_url, "webhook_networks": NETWORKS, "sweep_seconds": 0.3}
    with engine_on(installation.database_url) as engine:
        engine.refresh(*make_crossing(engine, 1, there.hooks_url), now=datetime.now(UTC))
        assert [one.channel for one in deliveries(engine.database)] == ["email", "webhook"]
    return installation


@contextmanager
def worker(installation: Installation) -> Iterator[Process]:
    with installation.working(broker_url=NO_BROKER) as process:
        yield process


@contextmanager
def server(installation: Installation) -> Iterator[Process]:
    with installation.serving() as (process, _):
        yield process


Start = Callable[[Installation], AbstractContextManager[Process]]
PROCESSES: dict[str, Start] = {"worker": worker, "server": server}
WHERE = pytest.mark.parametrize(
    ("database_url", "start"),
    [
        ("sqlite", "worker"),
        long("sqlite", "server"),
        pytest.param("postgresql", "worker", marks=pytest.mark.needs("postgres")),
    ],
    indirect=True,
)


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Start:
    """Starts a worker, or the server with workers inside."""
    return PROCESSES[request.param]


def deliver_after_the_lease(installation: Installation, database: Database, start: Start) -> set[tuple[str, str]]:
    """Have what a process that was killed has left delivered by another; what that was."""
    left = [one for one in deliveries(database) if one.status != SENT]
    assert all(one.due_at <= datetime.now(UTC) + LEASE for one in left if one.due_at)
    with database.write() as session:
        lost = lose_claims(session)
    with start(installation) as process:
        eventually(lambda: {one.status for one in deliveries(database)} == {SENT})
        process.stop()
    return lost


@WHERE
@pytest.mark.parametrize("step", [step if step is Step.ANSWERED else long(step) for step in Step])
def test_what_a_killed_process_had_at_a_step_is_delivered_again_only_where_it_was_answered_unknown(
    crossed: Installation,
    database: Database,
    there: Recipients,
    tmp_path: Path,
    step: Step,
    start: Start,
) -> None:
    held = hold_at(tmp_path / "partner", step)
    crossed.path = (tmp_path / "partner",)
    # One that holds its transaction keeps the other deliveries of the license from recording their outcome.
    both = 1 if step is Step.COMMITTED else 2
    with start(crossed) as process:
        eventually(lambda: len(list(held.iterdir())) == both)
        process.kill()
    crossed.path = ()
    before = deliveries(database)
    taken = {one.channel: there.taken[one.channel, one.id] for one in before}
    if both == 2:
        unknown = step in (Step.ANSWERED, Step.COMMITTED)
        assert taken == dict.fromkeys(("email", "webhook"), int(unknown or step is Step.DONE))
    assert [one.status == SENT for one in before] == [step is Step.DONE] * 2
    lost = deliver_after_the_lease(crossed, database, start)
    assert len(lost) == (0 if step is Step.DONE else len([one for one in before if one.claim]))
    assert there.arrived == there.taken
    assert there.taken == Counter(
        {(one.channel, one.id): taken[one.channel] + (one.status != SENT) for one in before}
    )  # fmt: skip
    assert {one.id for one in deliveries(database)} == {one.id for one in before}


@pytest.mark.long
@WHERE
def test_what_was_sent_by_a_process_that_was_killed_before_it_was_answered_is_delivered_again_under_the_same_id(
    crossed: Installation,
    database: Database,
    there: Recipients,
    start: Start,
) -> None:
    there.answer = lambda _: Answer.HANG
    ids = {(one.channel, one.id) for one in deliveries(database)}
    with start(crossed) as process:
        eventually(lambda: set(there.arrived) == ids)
        process.kill()
    there.answer = lambda _: Answer.TAKE
    assert deliver_after_the_lease(crossed, database, start) == ids
    assert there.arrived == Counter(dict.fromkeys(ids, 2))
    assert there.taken == Counter(dict.fromkeys(ids, 1))
