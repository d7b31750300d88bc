"""The outbox emptied by the delivery threads of one worker: against the same sending without an outbox."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from time import monotonic, sleep
from typing import Final

import sqlalchemy as sa
from sqlmodel import col

from core.addresses.public_network import networks_of
from core.addresses.smtp_server import SmtpServer
from core.delivery.channels import EMAIL, WEBHOOK
from core.delivery.mail.channel import MailChannel
from core.delivery.mail.smtp import send
from core.delivery.outbox.dispatch import Channel, send_due
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.delivery.webhooks.channel import WebhookChannel, body_of
from core.delivery.webhooks.send import post
from core.delivery.webhooks.sign import new_secret, signature_headers
from core.settings import Settings
from core.workers.worker import DELIVERY_THREADS
from tests.bench import places
from tests.bench.findings import Found, Scale, compare, interleaved
from tests.bench.licenses import license_key
from tests.e2e.crossings import NETWORKS, engine_on, make_crossing
from tests.fixtures.engine import Engine

BARE: Final = f"{{}}: the same sent by {DELIVERY_THREADS} threads, without an outbox"
OURS: Final = f"{{}}: out of the outbox on {{}}, one worker with its {DELIVERY_THREADS} delivery threads"
DATABASES: Final = {"PostgreSQL": places.postgresql, "SQLite": places.sqlite}
Work = Callable[[], bool]


def run(scale: Scale) -> Iterator[Found]:
    """Deliveries a second of one worker, by e-mail and by webhook, on each database, to receivers on this machine."""
    rounds, count = scale.of((2, 200), (5, 400), (7, 2000))
    with ExitStack() as stack:
        hooks = stack.enter_context(places.constant(b"{}")).address
        smtp = stack.enter_context(_mail_server())
        measures: dict[str, Callable[[], float]] = {}
        for name, new in DATABASES.items():
            url = stack.enter_context(new())
            engine = stack.enter_context(engine_on(url))
            make_crossing(engine, count, f"{hooks}/hooks")
            engine.refresh(*map(license_key, range(count)), now=datetime.now(UTC))
            settings = Settings(database_url=url, webhook_networks=NETWORKS, smtp_url=smtp)
            channels: Mapping[str, Channel] = {
                EMAIL: MailChannel(settings, engine.database, engine.runtime.registry),
                WEBHOOK: WebhookChannel(settings, engine.database),
            }
            for channel in channels:
                measures[OURS.format(channel, name)] = partial(_emptied, engine, channels, channel)
        bare = {EMAIL: _bare_mail(smtp), WEBHOOK: _bare_hook(engine, f"{hooks}/hooks")}
        for channel, send in bare.items():
            measures[BARE.format(channel)] = partial(_bare, send, count)
        taken = interleaved(rounds, measures)
    for channel in bare:
        for name in DATABASES:
            yield compare(taken, OURS.format(channel, name), BARE.format(channel), "deliveries/s")


def _emptied(engine: Engine, channels: Mapping[str, Channel], channel: str) -> float:
    """All deliveries of a channel are due, and sent."""
    again = {"status": DeliveryStatus.PENDING.value, "due_at": datetime.now(UTC), "attempts": 0, "finished_at": None}
    with engine.database.write() as session:
        count = session.execute(sa.update(Delivery).where(col(Delivery.channel) == channel).values(again)).rowcount  # type: ignore[attr-defined]
    rate = count / _all([lambda: send_due(engine.database, channels)] * DELIVERY_THREADS)
    with engine.database.read() as session:
        sent = session.scalar(
            sa.select(sa.func.count()).where(
                col(Delivery.channel) == channel, col(Delivery.status) == DeliveryStatus.SENT.value
            )
        )
    assert sent == count, f"{sent} of {count} were sent"
    return rate


def _bare(send: Callable[[], object], count: int) -> float:
    rest = iter(range(count))
    lock = threading.Lock()

    def work() -> bool:
        with lock:
            left = next(rest, None)
        if left is not None:
            send()
        return left is not None

    return count / _all([work] * DELIVERY_THREADS)


def _all(works: list[Work]) -> float:
    """The seconds until none of them, each a thread, has anything left to do."""

    def go_on(work: Work) -> None:
        while work():
            pass

    began = monotonic()
    threads = [threading.Thread(target=go_on, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return monotonic() - began


def _bare_hook(engine: Engine, url: str) -> Callable[[], object]:
    with engine.database.read() as session:
        message = session.scalars(sa.select(Message).limit(1)).one()
    body, secrets = body_of(message, license_key(0)), [{"secret": new_secret(), "until": None}]
    context, networks = ssl.create_default_context(), networks_of(NETWORKS)

    def send() -> object:
        headers = signature_headers(message.id, body, secrets, datetime.now(UTC))
        answer = post(url, headers, body.encode(), networks, context)
        assert answer.status == 200
        return answer

    return send


def _bare_mail(url: str) -> Callable[[], object]:
    message = EmailMessage()
    message["Message-ID"], message["From"], message["To"] = "<1@vendor.example>", "a@vendor.example", "b@one.example"
    message["Subject"] = "A limit of your license is exceeded"
    message.set_content("A line of a mail.\n" * 40)
    message.add_alternative("<p>A line of a mail.</p>\n" * 80, subtype="html")
    return partial(send, SmtpServer.of(url), message, ssl.create_default_context())


@contextmanager
def _mail_server() -> Iterator[str]:
    """One that forgets what it takes, as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    sink = ["-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{port}"]
    with subprocess.Popen([sys.executable, *sink]) as process:
        try:
            while process.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                sleep(0.05)
            yield f"smtp://127.0.0.1:{port}"
        finally:
            process.kill()
