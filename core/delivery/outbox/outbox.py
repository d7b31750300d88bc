"""The outbox: deliveries are rows, written with what they tell, taken by one worker at a time, sent until they arrive.

Each is sent at least once, always under the same id. It is sent again where nobody learned that it arrived: where its
worker was lost after sending, the other side took it and its answer did not come in time, or the database was away
until the lease had ended.

procrastinate and pgqueuer were weighed: both need PostgreSQL, while the embedded default is SQLite.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dramatiq.common import compute_backoff
from sqlalchemy import Select, insert, tuple_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, func, select, update

from core.database.dialect import advisory_lock
from core.delivery.messages import MessageContent
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message

MOST_ATTEMPTS: Final = 20
"""With the waits between them more than a day; then a delivery is parked."""
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=6)
AT_ONCE: Final = 2
"""Deliveries of one license on one channel that are on their way at the same time: however long its recipients take,
it does not have all the workers."""
PAUSE: Final = timedelta(minutes=5)
"""For so long at the most nothing else goes to a recipient whom a delivery did not reach."""
MOST_KEPT: Final = 6
"""Attempts that still count once it is sent again by hand: with one more the wait is as long as PAUSE, however often
somebody does that, and what is left takes more than a day."""
LONGEST_DETAIL: Final = 2_000
"""Characters of an answer that are kept."""
_TAKING: Final = 0x6F7574626F78
"""The lock of PostgreSQL under which deliveries are taken: "outbox"."""
_LOST: Final = "Its workers were lost again and again; it was given up."


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """What is to be told of a license, see :class:`core.delivery.outbox.tables.Message`."""

    license_id: int
    kind: str
    occurred_at: datetime
    content: MessageContent


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a license's messages of these kinds go."""

    license_id: int
    channel: str
    recipient: str
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery that this worker has, with its message."""

    delivery: Delivery
    message: Message


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of sending, and what was said of it. Without a `status` it is tried again later, and not before
    `retry_after`, six hours at the most, where the recipient asks for that.

    `keep` writes what else the channel keeps of it, in the transaction that writes down the rest. It may be called
    again where nobody knows whether that was committed.
    """

    status: DeliveryStatus | None
    detail: str
    retry_after: timedelta | None = None
    keep: Callable[[Session], None] | None = None


def enqueue(session: Session, told: Sequence[OutboundMessage], addresses: Sequence[Recipient]) -> None:
    """Write the messages, and a delivery of each for every address of its license that wants its kind."""
    if not told:
        return
    of_license: dict[int, list[Recipient]] = defaultdict(list)
    for address in addresses:
        of_license[address.license_id].append(address)
    messages, deliveries = [], []
    for one in told:
        message_id = uuid.uuid4().hex
        row = {"license_id": one.license_id, "id": message_id}
        messages.append(
            {**row, "kind": one.kind, "occurred_at": one.occurred_at, "document": one.content.to_document()}
        )
        deliveries += [
            {
                "license_id": one.license_id,
                "id": uuid.uuid4().hex,
                "message_id": message_id,
                "channel": address.channel,
                "recipient": address.recipient,
                "status": DeliveryStatus.PENDING.value,
                "attempts": 0,
                "due_at": one.occurred_at,
                "created_at": one.occurred_at,
            }
            for address in of_license[one.license_id]
            if one.kind in address.kinds
        ]
    session.execute(insert(Message), messages)
    if deliveries:
        session.execute(insert(Delivery), deliveries)


def take(
    session: Session,
    now: datetime,
    lease: timedelta,
    *,
    only: str | None = None,
    to: str | None = None,
    but_to: Collection[str] = (),
    overdue: timedelta = timedelta(),
) -> Outgoing | None:
    """Claim a delivery that is due, if there is one: of one channel only, to one recipient, or to none of some; or one
    that has been due for so long that nobody takes it.

    Until the lease ends no other worker takes it. A license that has enough on their way waits for these, except for
    what is taken for one recipient: who does so has a worker for each. One that was taken too often without an end is
    parked: whatever it does to its workers, it does not do for ever.
    """
    # What is on its way is counted, and those who take at the same time would not see each other's.
    advisory_lock(session, _TAKING)
    due = (
        select(Delivery)
        .where(col(Delivery.due_at) <= now - overdue)
        .order_by(col(Delivery.due_at))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        due = due.where(col(Delivery.channel) == only)
    if to is not None:
        due = due.where(col(Delivery.recipient) == to)
    else:
        # Found once, not for each row that is due: the license that has enough may have thousands of them.
        due = due.where(tuple_(col(Delivery.license_id), col(Delivery.channel)).not_in(_have_enough(now)))
    if but_to:
        due = due.where(col(Delivery.recipient).not_in(but_to))
    while delivery := session.exec(due).first():
        session.add(delivery)
        if delivery.attempts < MOST_ATTEMPTS:
            delivery.claim, delivery.due_at, delivery.attempts = uuid.uuid4().hex, now + lease, delivery.attempts + 1
            return Outgoing(delivery, session.get_one(Message, (delivery.license_id, delivery.message_id)))
        delivery.status, delivery.claim = DeliveryStatus.PARKED.value, None
        delivery.due_at, delivery.finished_at, delivery.detail = None, now, _LOST
    return None


def _have_enough(now: datetime) -> Select[int, str]:
    """The licenses and channels that have enough on their way."""
    license_and_channel = col(Delivery.license_id), col(Delivery.channel)
    return (
        sa_select(*license_and_channel)
        .where(col(Delivery.claim).is_not(None), col(Delivery.due_at) > now)
        .group_by(*license_and_channel)
        .having(func.count() >= AT_ONCE)
    )


def finish(session: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Write down what became of a delivery, if it is still this worker's; that it was sent, while it is pending.

    Where it did not arrive, what else waits for the same recipient waits as well: one that hangs or fails is tried
    now and then, not once for each of its deliveries.
    """
    asked, after = min(outcome.retry_after or timedelta(), LONGEST_WAIT), wait(delivery.attempts)
    values: dict[str, Any] = {
        "claim": None,
        "detail": outcome.detail[:LONGEST_DETAIL],
        "due_at": None,
        "finished_at": now,
    }
    if outcome.status:
        values["status"] = outcome.status.value
    elif delivery.attempts >= MOST_ATTEMPTS:
        values["status"] = DeliveryStatus.PARKED.value
    else:
        values |= {"due_at": now + max(after, asked), "finished_at": None}
    mine = col(Delivery.claim) == delivery.claim
    if outcome.status is DeliveryStatus.SENT:
        mine |= col(Delivery.status) == DeliveryStatus.PENDING.value
    this = col(Delivery.license_id) == delivery.license_id, col(Delivery.id) == delivery.id
    session.execute(update(Delivery).where(*this, mine).values(values))
    if outcome.keep:
        outcome.keep(session)
    if outcome.status is None:
        _pause(session, delivery, now + max(asked, min(after, PAUSE)))


def _pause(session: Session, delivery: Delivery, until: datetime) -> None:
    """Have what waits for the same recipient wait until then. What another worker holds is left, so that two who
    pause the same recipient do not wait for each other."""
    waiting = (
        select(Delivery.id)
        .where(Delivery.license_id == delivery.license_id, Delivery.channel == delivery.channel)
        .where(Delivery.recipient == delivery.recipient, Delivery.id != delivery.id)
        .where(col(Delivery.claim).is_(None), col(Delivery.due_at) < until)
        .with_for_update(skip_locked=True)
    )
    these = col(Delivery.license_id) == delivery.license_id, col(Delivery.id).in_(waiting)
    session.execute(update(Delivery).where(*these).values(due_at=until).execution_options(synchronize_session=False))


def wait(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, with jitter, six hours at the most."""
    _, milliseconds = compute_backoff(
        attempts - 1,
        factor=FIRST_WAIT // timedelta(milliseconds=1),
        max_backoff=LONGEST_WAIT // timedelta(milliseconds=1),
    )
    return timedelta(milliseconds=milliseconds)


def redeliver(session: Session, delivery: Delivery, now: datetime) -> None:
    """Send it once more, under the same id, whatever became of it. Where it fails, it waits no less than before."""
    delivery.status, delivery.due_at, delivery.claim = DeliveryStatus.PENDING.value, now, None
    delivery.attempts, delivery.finished_at = min(delivery.attempts, MOST_KEPT), None
    session.add(delivery)


FAILED: Final = (col(Delivery.status) == DeliveryStatus.PENDING.value) & (
    # One that is on its way for the first time has not failed.
    (col(Delivery.attempts) > 1) | ((col(Delivery.attempts) == 1) & col(Delivery.claim).is_(None))
)
"""Whether a delivery failed, and is tried again."""


def count(session: Session) -> dict[str, int]:
    """How many deliveries are pending, failed (and are tried again), sent, parked, and dropped."""
    rows = session.execute(sa_select(col(Delivery.status), FAILED, func.count()).group_by(col(Delivery.status), FAILED))
    found = {"failed" if failed else status.lower(): number for status, failed, number in rows}
    return {name: found.get(name, 0) for name in ("pending", "failed", "sent", "parked", "dropped")}
