"""A plugin that is gone stops nobody's import, and its alerts close."""

from dataclasses import replace
from datetime import date, timedelta
from importlib.metadata import entry_points

import pytest
import sqlalchemy as sa
from sqlmodel import select

from core.administration.document import InvalidFile
from core.administration.import_file import import_licenses, read_licenses
from core.alerts.gone_meters import close_alerts_of_gone_meters
from core.alerts.tables import Alert
from core.consumption.tables import Snapshot
from core.delivery.message_kinds import RECOVERED
from core.delivery.outbox.tables import Message
from core.errors import InvalidInput
from core.licenses.tables import Contract
from core.plugins.host import load_plugins
from tests.fixtures.engine import NOW, Engine, usage_event

FILE = """licenses:
  - key: acme
    name: Acme
    contracts: [{effective_from: 2026-01-01, starts_on: 2026-01-01, terms: {forms: %s, users: 3}}]
  - key: other
    name: Other
    contracts: [{effective_from: 2026-01-01, starts_on: 2026-01-01, terms: {users: 4}}]
"""


@pytest.fixture
def without_web(engine: Engine) -> Engine:
    """The engine once the plugin of forms is not installed any more."""
    registry = load_plugins([one for one in entry_points(group="allowance") if one.name != "web"])
    return Engine(replace(engine.runtime, registry=registry))


def imported(engine: Engine, forms: int) -> tuple[str, ...]:
    """Import the file. Return the warnings."""
    with engine.database.write() as session:
        file = read_licenses("all.yaml", (FILE % forms).encode())
        return import_licenses(session, file, engine.runtime.registry, NOW).warnings


def test_an_unchanged_contract_with_its_term_passes(engine: Engine, without_web: Engine) -> None:
    imported(engine, 5)
    assert imported(engine, 5) == ()
    assert imported(without_web, 5) == (
        "all.yaml: licenses[0].contracts[0]: No installed meter knows the term 'forms'. It stays as it is.",
    )
    with engine.database.read() as session:
        assert [one.version for one in session.exec(select(Contract))] == [1, 1]


def test_a_changed_value_of_a_term_that_nobody_knows_is_refused(engine: Engine, without_web: Engine) -> None:
    imported(engine, 5)
    with pytest.raises(InvalidFile, match="forms"):
        imported(without_web, 6)


def test_an_unchanged_contract_is_put_again(engine: Engine, without_web: Engine) -> None:
    engine.license(terms={"forms": 5})
    assert without_web.contract("acme", {"forms": 5}, now=NOW) == 1
    with pytest.raises(InvalidInput):
        without_web.contract("acme", {"forms": 5}, effective_from=date(2026, 5, 1), now=NOW)


def test_alerts_of_its_meters_close_and_name_them(engine: Engine, without_web: Engine) -> None:
    engine.license(terms={"forms": 5})
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()
    without_web.refresh(now=NOW + timedelta(hours=1))
    with engine.database.read() as session:
        [alert] = session.exec(select(Alert)).all()
        assert (alert.meter, alert.recovered_at) == ("forms", NOW + timedelta(hours=1))
        [message] = session.exec(select(Message).where(Message.kind == RECOVERED)).all()
        assert [one["meter"] for one in message.document["alerts"]] == ["forms"]


def test_alerts_of_a_meter_that_was_gone_before_close_without_a_reading(engine: Engine, without_web: Engine) -> None:
    engine.license(terms={"forms": 5})
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()

    def close(of: Engine) -> list[tuple[str, bool]]:
        with of.database.write() as session:
            close_alerts_of_gone_meters(session, of.runtime.registry, NOW + timedelta(hours=1))
        with of.database.read() as session:
            return [(one.meter, one.recovered_at is None) for one in session.exec(select(Alert))]

    assert close(without_web) == [("forms", True)]  # its reading is there: the next refresh closes the alert
    with engine.database.write() as session:
        session.execute(sa.update(Snapshot).values(readings={}))
    assert close(engine) == [("forms", True)]
    for _ in range(2):
        assert close(without_web) == [("forms", False)]
    with engine.database.read() as session:
        assert len(session.exec(select(Message).where(Message.kind == RECOVERED)).all()) == 1
