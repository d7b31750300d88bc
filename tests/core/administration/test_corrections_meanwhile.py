"""Corrections while events of the same series come in: nothing is lost, and nobody waits in a circle."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from core.administration.correct_usage import correct_usage
from core.administration.inputs import CorrectionInput
from core.usage.events import EventRules, check_events
from core.usage.record import record
from core.usage.recount import recount
from tests.fixtures.engine import NOW, Engine

ROUNDS = 12
KINDS = ("interaction.sent", "sms.sent", "forms.level")
DAY = timedelta(days=1)


def batch(sender: int, number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{number}-{sender}-{kind}-{ago}",
            "source": "/a",
            "type": kind,
            "license": "acme",
            "time": NOW - ago * DAY + timedelta(seconds=number * 10 + sender),
            "value" if kind.endswith(".level") else "quantity": number + sender,
        }
        for kind in KINDS
        for ago in (1, 2)
    ]


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_events_are_cancelled_and_adjusted_while_others_come_in(engine: Engine, random: Random) -> None:
    engine.license("acme")
    runtime, done = engine.runtime, [batch(sender, -1) for sender in range(3)]
    rules = EventRules(runtime.registry.event_types, NOW, None, timedelta(), lambda _: True)

    def send(raws: list[dict[str, Any]]) -> None:
        with engine.database.write() as session:
            record(session, check_events(raws, rules)[0], NOW)

    def correct(correction: CorrectionInput) -> None:
        with engine.database.write() as session:
            correct_usage(session, correction, runtime.registry, runtime.settings, "an operator", NOW)

    for raws in done:
        send(raws)
    with ThreadPoolExecutor(6) as threads:
        for number in range(ROUNDS):
            # The newest reports are cancelled, while newer ones come in.
            cancelled = [raw["id"] for raw in done[-1] + done[-2]]
            random.shuffle(cancelled)
            corrections = [CorrectionInput(f"{number}-{id}", "acme", "why", cancels=("/a", id)) for id in cancelled[:6]]
            corrections += [
                CorrectionInput(f"{number}-{kind}", "acme", "why", kind, Decimal(-5), NOW - DAY) for kind in KINDS[:2]
            ]
            new = [batch(sender, number) for sender in range(3)]
            waiting = [threads.submit(send, raws) for raws in new]
            waiting += [threads.submit(correct, correction) for correction in corrections]
            for one in waiting:
                one.result()
            done += new
    with engine.database.read() as session:
        assert list(recount(session, engine.id(), runtime.registry.event_types)) == []
