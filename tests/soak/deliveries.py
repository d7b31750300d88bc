"""Licenses cross limits all at once, workers are killed over and over, recipients fail: everybody is told, once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from time import monotonic, sleep
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from core.alerts.tables import Alert
from core.database.engine import Database
from core.delivery.message_kinds import CROSSED
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.queue.tables import RefreshRun
from tests.e2e.crossings import (
    METERS,
    NETWORKS,
    deliveries,
    engine_on,
    lose_claims,
    make_crossing,
    wait_no_longer,
)
from tests.e2e.processes import Installation, Process
from tests.e2e.recipients import Answer, Recipients

NO_BROKER: Final = "redis://127.0.0.1:1/0"
"""Workers look by themselves for what nobody announces."""
SETTINGS: Final = {
    "broker_url": NO_BROKER,
    "webhook_networks": NETWORKS,
    "sweep_seconds": 0.2,
    "refresh_batch": 50,
    "worker_threads": 1,
    "log_level": "ERROR",
}
ROUND: Final = (1.0, 4.0)
"""Seconds in which some of the workers are killed, and started again; then all of them."""
BADLY: Final = {
    Answer.TAKE: 70, Answer.LIE: 8, Answer.FAIL: 10, Answer.REDIRECT: 5, Answer.CLOSE: 6.5, Answer.HANG: 0.5,
}  # fmt: skip


@dataclass
class Told:
    """What it came to. `wrong` is empty where every crossing was recorded once, and every recipient told of it once
    but for what nobody knew to have arrived."""

    seconds: float
    alerts: int
    sent: int
    attempts: int
    kills: int
    lost: int
    """Deliveries that were on their way when their worker was killed."""
    repeated: int
    """Deliveries that arrived again although the recipient had taken them."""
    answers: Counter[Answer]
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.alerts:,} alerts; {self.sent:,} sent in {self.attempts:,} attempts and {self.seconds:.0f} s",
            f"workers killed {self.kills} times, with {self.lost:,} deliveries on their way; "
            f"{self.repeated:,} of these had been taken, and arrived again under the same id",
            f"recipients: {', '.join(f'{answer} {number:,}' for answer, number in sorted(self.answers.items()))}",
            *self.wrong[:20],
        ]
        return "\n".join(lines)


def tell_all(
    installation: Installation,
    there: Recipients,
    random: Random,
    *,
    licenses: int,
    rounds: int,
    workers: int = 3,
    within: float = 240,
) -> Told:
    """Have so many licenses cross four limits each; in each round workers are killed, and then nobody is any more.

    Recipients fail in all of it, but hang only as long as there are kills. Without rounds they do neither.
    """
    installation.settings |= SETTINGS | {"smtp_url": there.smtp_url}
    with engine_on(installation.database_url) as engine:
        make_crossing(engine, licenses, there.hooks_url)
    begun = monotonic()
    lost: Counter[tuple[str, str]] = Counter()
    kills = 0
    with closing(Database(installation.database_url)) as database:
        if rounds:
            there.answer = lambda _: _some_answer(random, BADLY)
        for _ in range(rounds):
            kills += _round(installation, random, workers)
            with database.write() as session:
                lost.update(lose_claims(session))
                wait_no_longer(session)
                session.execute(
                    sa.update(RefreshRun)
                    .where(col(RefreshRun.claim).is_not(None))
                    .values(due_at=datetime.now(UTC))
                )  # fmt: skip
        there.over.set()
        if rounds:
            patient: dict[Answer, float] = {
                answer: weight for answer, weight in BADLY.items() if answer is not Answer.HANG
            }
            there.answer = lambda _: _some_answer(random, patient)
        with ExitStack() as stack:
            running = _started(installation, stack, workers)
            while _unfinished(database, licenses) and monotonic() < begun + within:
                sleep(0.5)
                with database.write() as session:
                    wait_no_longer(session)
            for worker in running:
                worker.stop()
        found = deliveries(database)
        wrong = list(_wrong(database, there, found, licenses, lost))
    return Told(
        seconds=monotonic() - begun,
        alerts=licenses * len(METERS),
        sent=sum(one.status == DeliveryStatus.SENT for one in found),
        attempts=sum(one.attempts for one in found),
        kills=kills,
        lost=lost.total(),
        repeated=sum(number - 1 for number in there.taken.values()),
        answers=there.answers,
        wrong=wrong,
    )


def _some_answer(random: Random, weights: Mapping[Answer, float]) -> Answer:
    return random.choices(list(weights), list(weights.values()))[0]


def _round(installation: Installation, random: Random, workers: int) -> int:
    """Some are killed at any moment, and another started for each; in the end all are. How many were killed."""
    with ExitStack() as stack:
        running = _started(installation, stack, workers)
        kills = workers
        for _ in range(random.randint(1, workers)):
            sleep(random.uniform(*ROUND) / workers)
            running.pop(random.randrange(len(running))).kill()
            running.append(stack.enter_context(installation.running("worker")))
            kills += 1
        sleep(random.uniform(*ROUND))
        for worker in running:
            worker.kill()
    return kills


def _started(installation: Installation, stack: ExitStack, workers: int) -> list[Process]:
    running = [stack.enter_context(installation.running("worker")) for _ in range(workers)]
    for worker in running:
        worker.says("The worker runs.")
    return running


def _unfinished(database: Database, licenses: int) -> bool:
    with database.read() as session:
        sent = select(func.count()).where(Delivery.status == DeliveryStatus.SENT)
        return session.exec(sent).one() < 2 * licenses


def _wrong(
    database: Database, there: Recipients, found: Sequence[Delivery], licenses: int, lost: Counter[tuple[str, str]]
) -> Iterator[str]:
    with database.read() as session:
        yield from _wrongly_recorded(session, licenses)
    expected = {(license_id, channel) for license_id in range(1, licenses + 1) for channel in ("email", "webhook")}
    if {(one.license_id, one.channel) for one in found} != expected or len(found) != len(expected):
        yield f"{len(found)} deliveries instead of {len(expected)}"
    for one in found:
        known, name = (one.channel, one.id), f"{one.channel} {one.id}"
        if one.status != DeliveryStatus.SENT:
            yield f"{name} is {one.status} after {one.attempts} attempts: {one.detail}"
        if not 1 <= there.taken[known] <= 1 + lost[known]:
            yield f"{name} was taken {there.taken[known]} times, and lost with its worker {lost[known]} times"
        if there.arrived[known] > one.attempts:
            yield f"{name} arrived {there.arrived[known]} times in {one.attempts} attempts"
    if strange := there.arrived.keys() - {(one.channel, one.id) for one in found}:
        yield f"{len(strange)} arrived under ids that nobody gave: {sorted(strange)[:3]}"


def _wrongly_recorded(session: Session, licenses: int) -> Iterator[str]:
    every = sorted(range(1, licenses + 1))
    alerts = session.execute(select(Alert.license_id, Alert.meter).order_by(col(Alert.license_id), col(Alert.meter)))
    if [tuple(row) for row in alerts] != [(license_id, meter) for license_id in every for meter in METERS]:
        yield "not each license has one alert of each meter"
    messages = session.exec(select(Message).where(Message.kind == CROSSED)).all()
    if sorted(message.license_id for message in messages) != every:
        yield "not each license has one message"
    listed = Counter(alert["id"] for message in messages for alert in message.document["alerts"])
    if set(listed.values()) != {1} or listed.keys() != set(session.scalars(select(Alert.id))):
        yield "not each alert is told in one message"
