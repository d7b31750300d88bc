"""Partners' notifiers as a channel: what one of them does costs its own deliveries alone."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import orjson
import pytest
from allowance import Alert, ExpiringCredits, ForecastAlert, Message, Period, RequestedCredits
from allowance.notifier import KINDS
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, func, select, update

from core.administration.decline_request import decline_request
from core.administration.inputs import CreditRequestInput, DeclineInput
from core.administration.request_credits import request_credits
from core.delivery import message_kinds as kinds
from core.delivery.notifiers.channel import NotifierChannel
from core.delivery.notifiers.message import message_of
from core.delivery.outbox.claim import claim_delivery
from core.delivery.outbox.dispatch import LEASE, send_due
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from core.licenses.tables import License
from core.plugins.host import load_plugins
from core.plugins.registry import Registry
from core.plugins.sandbox.message_codec import decode_message, encode_message
from core.usage.entities import name_entities
from core.workers import worker
from core.workers.worker import Worker
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.forms import long


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory that the plugin is installed in; it is on the path of every process here."""
    site = tmp_path_factory.mktemp("site-packages")
    shutil.copy(Path(__file__).with_name("misbehaving_notifiers.py"), site)
    about = site / "misbehaving_notifiers-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving-notifiers\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[allowance]\nmisbehaving = misbehaving_notifiers\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield site
    sys.modules.pop("misbehaving_notifiers", None)


@pytest.fixture(scope="module")
def installed(partner: Path) -> Registry:
    return load_plugins()


@pytest.fixture
def alerted(engine: Engine, installed: Registry, partner: Path) -> Engine:
    """A license with a crossed threshold, which has a message that waits to be sent."""
    (partner / "told.txt").unlink(missing_ok=True)
    engine = Engine(replace(engine.runtime, registry=installed))
    engine.license(terms={"forms": 5}, name="Acme & Söhne", time_zone="Europe/Brussels")
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()
    return engine


@pytest.fixture
def channel(alerted: Engine) -> Iterator[NotifierChannel]:
    settings = alerted.runtime.settings.model_copy(update={"meter_memory_mb": 128})
    channel = NotifierChannel(settings, alerted.database, alerted.runtime.registry, timedelta(seconds=1))
    yield channel
    channel.close()


def deliveries(engine: Engine) -> dict[str, Delivery]:
    with engine.database.read() as session:
        return {one.recipient: one for one in session.exec(select(Delivery))}


def deliver(engine: Engine, channel: NotifierChannel, *notifiers: str) -> list[tuple[str, str | None]]:
    """Send the deliveries to these notifiers only, in their order. Return the status and detail of each."""
    with engine.database.write() as session:
        for one in session.exec(select(Delivery)):
            wanted = one.recipient in notifiers
            one.due_at = NOW + notifiers.index(one.recipient) * timedelta(seconds=1) if wanted else None
            session.add(one)
    for _ in notifiers:
        assert send_due(engine.database, {"notifier": channel})
    found = deliveries(engine)
    return [(found[name].status, found[name].detail) for name in notifiers]


def written(partner: Path) -> list[list[str]]:
    """What each notifier wrote down: its key, the id of the message, its process."""
    return [line.split() for line in (partner / "told.txt").read_text().splitlines()]


def test_the_kinds_of_the_sdk_are_those_of_the_application() -> None:
    assert KINDS == kinds.KINDS


def test_there_is_one_delivery_for_each_notifier_that_wants_the_kind(alerted: Engine, installed: Registry) -> None:
    assert deliveries(alerted).keys() == installed.notifiers.keys()
    assert {one.channel for one in deliveries(alerted).values()} == {"notifier"}


def test_a_message_is_sent_whole_and_under_the_id_of_its_delivery(
    alerted: Engine, channel: NotifierChannel, partner: Path
) -> None:
    assert deliver(alerted, channel, "writes_down_all") == [("SENT", "The notifier sent the message.")]
    period = Period(date(2026, 1, 1), date(2027, 1, 1), "Europe/Brussels")
    alert = Alert("forms", "Forms", "forms", Decimal(6), Decimal(5), Decimal(1), "EXCEEDED", period)
    assert alert.percentage == 120
    assert (partner / "all.txt").read_text() == repr(
        Message(
            id=deliveries(alerted)["writes_down_all"].id,
            kind="threshold.crossed",
            license_key="acme",
            license_name="Acme & Söhne",
            occurred_at=NOW,
            link="http://127.0.0.1:8000/consumption?license=acme",
            alerts=(alert,),
        )
    )


def test_a_message_that_is_sent_again_has_the_same_id(alerted: Engine, channel: NotifierChannel, partner: Path) -> None:
    deliver(alerted, channel, "raises")
    deliver(alerted, channel, "raises")
    first, second = written(partner)
    assert first == second
    assert deliveries(alerted)["raises"].attempts == 2


@pytest.mark.parametrize(
    ("notifier", "status", "said"),
    [
        ("takes", "SENT", "The notifier sent the message."),
        long(
            "answers_by_itself",
            "PENDING",
            "The notifier ended or damaged its process. The log has the details.",
        ),
        ("raises", "PENDING", "The notifier failed. The log has the reason."),
        long("exits_politely", "PENDING", "The notifier failed. The log has the reason."),
        ("hangs", "PENDING", "The notifier took too long and was stopped."),
        (
            "ends_its_process",
            "PENDING",
            "The notifier ended or damaged its process. The log has the details.",
        ),
        ("eats_memory", "PENDING", "The notifier needed more memory than allowed."),
    ],
)
def test_whatever_a_notifier_does_costs_its_own_delivery_alone(
    alerted: Engine, channel: NotifierChannel, partner: Path, notifier: str, status: str, said: str
) -> None:
    assert deliver(alerted, channel, *dict.fromkeys([notifier, "takes"]))[0] == (status, said)
    assert deliveries(alerted)["takes"].status == "SENT"
    delivery = deliveries(alerted)[notifier]
    assert delivery.due_at is None if status == "SENT" else delivery.due_at is not None


def test_what_a_notifier_raised_is_in_the_log_alone(
    alerted: Engine, channel: NotifierChannel, caplog: pytest.LogCaptureFixture
) -> None:
    [(_, said)] = deliver(alerted, channel, "raises")
    assert "hunter2" in caplog.text
    assert said
    assert "hunter2" not in said


def test_what_is_given_up_is_parked_with_its_text(alerted: Engine, channel: NotifierChannel) -> None:
    [(status, said)] = deliver(alerted, channel, "gives_up")
    assert status == DeliveryStatus.PARKED
    assert said
    assert said.startswith("The notifier gave up: nobody lives there ?...")
    assert len(said) == 2000


def test_a_notifier_has_of_the_environment_what_it_names_and_the_way_to_the_network_and_no_secrets(
    alerted: Engine, channel: NotifierChannel, partner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed_on = {"CHAT_URL", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "LANG", "TZ"}
    secret = {"ALLOWANCE_DATABASE_URL", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "OTHER_URL", "chat_url"}
    for name in passed_on | secret:
        monkeypatch.setenv(name, "C")
    deliver(alerted, channel, "sees_the_environment")
    seen = set((partner / "environment.txt").read_text().split("\n"))
    assert seen & (passed_on | secret) == passed_on


def test_notifiers_share_no_process_and_keep_theirs(alerted: Engine, channel: NotifierChannel, partner: Path) -> None:
    deliver(alerted, channel, "takes", "raises")
    deliver(alerted, channel, "takes", "raises")
    processes = {(key, pid) for key, _, pid in written(partner)}
    assert len(processes) == len({pid for _, pid in processes}) == 2


@pytest.mark.long
def test_a_worker_has_notifiers_that_hang_hold_up_none_of_the_others(
    alerted: Engine, partner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "NotifierChannel", partial(NotifierChannel, deadline=timedelta(seconds=15)))
    settings = alerted.runtime.settings.model_copy(update={"sweep_seconds": 0.05})
    alerted = Engine(replace(alerted.runtime, settings=settings))
    for key in ("second", "third"):
        alerted.license(key, terms={"forms": 5})
        alerted.send(usage_event("forms.level", key, value=6))
        alerted.refresh(key)
    with alerted.database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.recipient) != "hangs").values(due_at=None))

    def hanging() -> int:
        return sum(key == "hangs" for key, *_ in written(partner)) if (partner / "told.txt").exists() else 0

    def sent() -> int:
        with alerted.database.read() as session:
            return session.exec(
                select(func.count()).where(Delivery.recipient == "takes", Delivery.status == "SENT")
            ).one()

    with Worker(alerted.runtime):
        assert until(lambda: hanging() > 0)
        with alerted.database.write() as session:
            session.execute(update(Delivery).where(col(Delivery.recipient) == "takes").values(due_at=NOW))
        assert until(lambda: sent() == 3)
        assert hanging() == 1


def test_a_worker_parks_what_is_for_notifiers_that_no_worker_has_had_for_a_day(
    alerted: Engine, registry: Registry
) -> None:
    lately = datetime.now(UTC) - worker.ABANDONED + timedelta(hours=1)
    with alerted.database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.recipient) == "takes").values(due_at=lately))
    settings = alerted.runtime.settings.model_copy(update={"sweep_seconds": 0.05})
    with Worker(replace(alerted.runtime, settings=settings, registry=registry)):
        assert until(lambda: [one.status for one in deliveries(alerted).values()].count("PENDING") == 1)
    left = {key: (one.status, one.attempts) for key, one in deliveries(alerted).items()}
    assert left.pop("takes") == ("PENDING", 0)
    assert set(left.values()) == {("PARKED", 1)}


def until(happened: Callable[[], bool]) -> bool:
    """Whether it has happened within fourteen seconds."""
    for _ in range(1400):
        if happened():
            return True
        time.sleep(0.01)
    return False


def test_a_delivery_to_a_notifier_that_is_gone_is_parked(
    alerted: Engine, channel: NotifierChannel, registry: Registry
) -> None:
    channel._registry = registry
    assert deliver(alerted, channel, "takes") == [
        ("PARKED", "No worker has this notifier. Install it, and send this again.")
    ]


def test_a_kind_that_no_notifier_wants_makes_no_delivery(alerted: Engine) -> None:
    given = CreditRequestInput("acme", Decimal(5))
    before = len(deliveries(alerted))
    with alerted.database.write() as session:
        request_credits(session, given, alerted.runtime.registry, [], "console", NOW)
    assert len(deliveries(alerted)) == before


def test_messages_about_credits_state_all_that_is_known(alerted: Engine) -> None:
    everything = replace(
        alerted.runtime.registry,
        notifiers={"all": replace(alerted.runtime.registry.notifiers["takes"], key="all", kinds=KINDS)},
    )
    with alerted.database.write() as session:
        name_entities(session, [(alerted.id(), "be")])
        given = CreditRequestInput("acme", Decimal("5.50"), "be", "soon")
        request = request_credits(session, given, everything, [], "console", NOW)
        declined = DeclineInput("acme", request.id, "used up")
        decline_request(session, declined, everything.notifiers.values(), "operator", NOW)
    alerted = Engine(replace(alerted.runtime, registry=everything))
    alerted.grant("acme", "g", 10, expires_at=NOW + timedelta(days=5), entity="nl")
    alerted.refresh(now=NOW + timedelta(minutes=1))
    found = {}
    with alerted.database.write() as session:
        while claimed := claim_delivery(session, NOW + timedelta(hours=1), LEASE):
            license = session.get_one(License, alerted.id())
            message = message_of(claimed, license, everything, "https://app.example.com/{license}")
            found[message.kind, claimed.delivery.recipient] = message
            record_outcome(session, claimed.delivery, Outcome(DeliveryStatus.SENT, "taken"), NOW)
    requested, expiring = found["credits.requested", "all"], found["credits.expiring", "all"]
    assert requested.requested == RequestedCredits(
        "sms_credits", "SMS credits", Decimal("5.5"), "be", "soon", "console"
    )
    declining = found["credits.declined", "all"]
    assert (declining.requested, declining.reason, requested.reason) == (requested.requested, "used up", None)
    assert expiring.expiring == (
        ExpiringCredits("sms_credits", "SMS credits", Decimal(10), Decimal(10), "nl", NOW + timedelta(days=5)),
    )
    assert (expiring.link, requested.alerts, expiring.requested) == ("https://app.example.com/acme", (), None)


NUMBERS = st.decimals(0, 10**50, allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TIMES = TIMES.map(lambda time: time.replace(fold=0))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PERIODS = st.builds(Period, st.dates(), st.dates(), st.sampled_from(["UTC", "Europe/Brussels"]))
ALERTS = st.builds(Alert, TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["OK", "EXCEEDED"]), PERIODS)
EXPIRING = st.builds(ExpiringCredits, TEXTS, TEXTS, NUMBERS, NUMBERS, st.none() | TEXTS, TIMES)
FORECASTS = st.builds(
    ForecastAlert, TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.none() | TIMES,
    st.none() | TIMES, st.none() | TIMES, PERIODS,
)  # fmt: skip
REQUESTED = st.builds(RequestedCredits, TEXTS, TEXTS, NUMBERS, st.none() | TEXTS, st.none() | TEXTS, TEXTS)
MESSAGES = st.builds(
    Message, TEXTS, st.sampled_from(KINDS), TEXTS, TEXTS, TIMES, TEXTS,
    st.lists(ALERTS, max_size=3).map(tuple), st.lists(EXPIRING, max_size=3).map(tuple), st.none() | REQUESTED,
    st.none() | TEXTS, st.lists(FORECASTS, max_size=3).map(tuple),
)  # fmt: skip


@given(MESSAGES)
def test_any_message_arrives_as_it_was(message: Message) -> None:
    sent = orjson.loads(orjson.dumps(encode_message(message)))
    arrived = decode_message(sent)
    assert arrived == message
    assert repr(arrived) == repr(message)
