"""Numbers are read exactly, and what is finer than a billionth is refused."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from core.usage.amount import from_nanos
from core.usage.files.import_events import import_events
from core.usage.tables import LedgerEvent
from tests.fixtures.engine import Engine, usage_event

LONG = "12345678901234.567891"


def amounts(engine: Engine) -> list[Decimal]:
    with engine.database.read() as session:
        return [from_nanos(one.whole, one.nanos) for one in session.exec(select(LedgerEvent).order_by(LedgerEvent.id))]


@pytest.mark.parametrize("quantity", [Decimal("4e-10"), 4e-10, Decimal("1.0000000001"), Decimal("0.1234567891")])
def test_more_than_nine_digits_after_the_point_are_refused(engine: Engine, quantity: Decimal | float) -> None:
    engine.license()
    recorded = engine.send(*(usage_event("interaction.sent", quantity=quantity) for _ in range(10)))
    assert recorded.accepted == 0
    assert {one.code for one in recorded.rejected} == {"OUT_OF_RANGE"}
    assert all("9 digits" in one.message for one in recorded.rejected)


@pytest.mark.parametrize("quantity", [Decimal("0.000000001"), Decimal("1.500000000000"), Decimal(LONG), 0, 2.5])
def test_nine_digits_are_taken_exactly(engine: Engine, quantity: Decimal | float) -> None:
    engine.license()
    assert engine.send(usage_event("interaction.sent", quantity=quantity)).accepted == 1
    assert amounts(engine) == [Decimal(str(quantity))]


def test_a_quantity_of_null_is_refused_by_name_and_left_out_it_is_1(engine: Engine) -> None:
    engine.license()
    recorded = engine.send(
        usage_event("interaction.sent", id="null", quantity=None),
        usage_event("interaction.sent", id="out"),
    )
    assert (recorded.accepted, [one.id for one in recorded.rejected]) == (1, ["null"])
    assert recorded.rejected[0].code == "BAD_FIELD"
    assert recorded.rejected[0].message.startswith("quantity ")
    assert amounts(engine) == [1]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.csv", f"id,source,type,license,quantity\n1,/mailer,interaction.sent,acme,{LONG}\n"),
        (
            "e.ndjson",
            '{"specversion":"1.0","id":"1","source":"/mailer","type":"interaction.sent","subject":"acme",'
            f'"data":{{"quantity":{LONG}}}}}\n',
        ),
        (
            "nested.ndjson",
            '{"specversion":"1.0","id":"1","source":"/mailer","type":"interaction.sent","subject":"acme",'
            f'"data":"{{\\"quantity\\":{LONG}}}"}}\n',
        ),
    ],
)
def test_a_long_number_is_the_same_in_every_kind_of_file(
    engine: Engine, tmp_path: Path, name: str, content: str
) -> None:
    engine.license()
    (tmp_path / name).write_text(content)
    runtime = engine.runtime
    imported = import_events(runtime.database, runtime.registry, runtime.settings, tmp_path / name, backfill=False)
    assert imported.accepted == 1
    assert amounts(engine) == [Decimal(LONG)]
