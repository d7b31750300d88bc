"""The requests to a child process, and its answers: they arrive as they were sent."""

from dataclasses import MISSING, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson
import pytest
from allowance import Contract, Counter, Grant, LevelCell, License, Limit, Period, Reading, Share, SumCell, Usage
from hypothesis import given
from hypothesis import strategies as st

from core.plugins.sandbox import meter_codec as codec
from core.plugins.sandbox.protocol import (
    Answer,
    ChildFailure,
    LoadUsage,
    Measure,
    decode_answer,
    decode_request,
    encode_failure,
    encode_measured,
    encode_request,
)
from core.plugins.sandbox.question import MeterQuestion

PERIOD = Period(date(2026, 1, 1), date(2027, 1, 1), "Europe/Berlin")
SUM = SumCell(
    *("chat.sent", date(2026, 3, 1), date(2026, 3, 2), Decimal("3.10"), "Köln", {"channel": "web"}),
    datetime(2026, 3, 1, 9, tzinfo=UTC),
)
LEVEL = LevelCell("bots.level", date(2026, 3, 1), Decimal("2.00"), "Köln", {"type": "clever"})
GRANTED = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
GRANT = Grant("g", Decimal("1E+3"), GRANTED, datetime(2027, 1, 1, tzinfo=UTC), "Köln", "Europe/Berlin", "chat")
LICENSE = License("acme", "Acme & Söhne", "Europe/Berlin")
CONTRACT = Contract(
    3, PERIOD, {"chat": Decimal("0.50")}, {"chat": Decimal("0.8")}, alert_at={"chat": (Decimal("0.50"), Decimal("1.2"))}
)
LIMIT = Limit(Fraction(1, 3), "a third", exhaustible=True)
SHARE = Share("channel", "web", "Web", 7, Decimal("1.0"), Decimal("0.5"))
READING = Reading(
    Decimal("7.10"),
    LIMIT,
    PERIOD,
    (SHARE,),
    {"g": Fraction(2, 3)},
    Decimal("0.5"),
    Fraction(1, 7),
    3,
    ahead=(1, Decimal(-2)),
)
METER = Counter(key="chat", section="chat", title="Chat", description="Messages.", unit="messages", event="chat.sent")


def through(data: dict[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(data))


def loaded(usage: Usage) -> Usage:
    """The usage as the child gets it."""
    request = decode_request(encode_request(LoadUsage(usage)))
    assert isinstance(request, LoadUsage)
    return request.usage


def asked(question: MeterQuestion) -> Measure:
    """The question as the child gets it."""
    request = decode_request(encode_request(Measure.of(question)))
    assert isinstance(request, Measure)
    return request


@pytest.mark.parametrize("sample", [PERIOD, SUM, LEVEL, GRANT, LICENSE, CONTRACT, LIMIT, SHARE, READING], ids=repr)
def test_the_samples_below_leave_no_field_at_its_default(sample: Any) -> None:
    """So that a field which is added to the SDK is not forgotten here."""
    for field in fields(sample):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        # The shares by entity of a meter with a `measure` of its own are dropped, as Reading states.
        assert getattr(sample, field.name) != default or field.name == "by_entity", field.name


def test_a_usage_arrives_complete() -> None:
    usage = Usage(
        datetime(2026, 3, 2, 12, tzinfo=UTC),
        "Europe/Berlin",
        sums=[SUM],
        levels=[LEVEL],
        grants=[GRANT],
        loaded_from={"chat.sent": date(2026, 1, 1)},
    )

    arrived = loaded(usage)

    assert list(arrived.cells()) == [SUM, LEVEL, GRANT]
    carried = {name: value for name, value in vars(usage).items() if name not in ("_sums", "_levels")}
    assert {name: value for name, value in vars(arrived).items() if name in carried} == carried
    assert set(vars(arrived)) == set(vars(usage))


def test_a_view_arrives_unchanged_whichever_view_was_loaded() -> None:
    now = Usage(datetime(2026, 3, 2, 12, tzinfo=UTC), "Europe/Berlin", sums=[SUM])
    views = [now, now.as_of(date(2026, 3, 1)), now.as_of(date(2025, 10, 26))]

    for first in views:
        base = loaded(first)
        for view in views:
            arrived = asked(MeterQuestion(METER, LICENSE, CONTRACT, view)).view_of(base)
            assert (arrived.at, arrived.day, arrived.time_zone) == (view.at, view.day, view.time_zone)
            assert arrived.origin == base.origin


def test_a_license_and_a_contract_arrive_unchanged() -> None:
    usage = Usage(datetime(2026, 3, 2, 12, tzinfo=UTC))

    arrived = asked(MeterQuestion(METER, LICENSE, CONTRACT, usage))

    assert arrived.meter == "chat"
    assert arrived.license == LICENSE
    assert arrived.contract == CONTRACT
    assert repr(arrived.contract) == repr(CONTRACT)


@pytest.mark.parametrize(
    "reading",
    [READING, Reading(None), Reading(0, Limit(10**50, "much"), None, (), {})],
    ids=repr,
)
def test_a_reading_arrives_unchanged(reading: Reading) -> None:
    answer = decode_answer(encode_measured(3, reading))

    assert (answer.number, answer.failure) == (3, None)
    assert codec.decode_reading(answer.reading) == reading


def test_a_failure_comes_back_with_its_code_and_without_half_characters() -> None:
    answer = decode_answer(encode_failure(4, "METER_FAILED", "Traceback \udcff"))

    assert answer == Answer(4, ChildFailure("METER_FAILED", "Traceback ?"), None)


@pytest.mark.parametrize("line", [b"no JSON\n", b"[]\n", b'{"number": 1}\n{"number": 2}\n'])
def test_an_answer_that_is_not_an_object_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="the child's answer is not"):
        decode_answer(line)


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.fractions())
def test_a_number_keeps_its_value_its_type_and_its_digits(number: int | Decimal | Fraction) -> None:
    arrived = codec.decode_number(codec.encode_number(number))

    assert type(arrived) is type(number)
    assert repr(arrived) == repr(number)


@pytest.mark.parametrize("value", [0.1, True, "1", None, 1j, [1]], ids=repr)
def test_an_inexact_number_is_not_encoded(value: object) -> None:
    with pytest.raises(TypeError, match="is not an exact number; return an int, a Decimal or a Fraction"):
        codec.encode_number(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "i",
        "i1.0",
        "i1_000",
        "i ١",
        "iNaN",
        "dNaN",
        "dsNaN",
        "dInfinity",
        "d0E+9999",
        "d",
        "f1",
        "f1/0",
        "x1",
        "i1\n",
        1,
        1.5,
    ],
    ids=repr,
)
def test_an_invalid_number_is_not_decoded(text: object) -> None:
    with pytest.raises((TypeError, ValueError, ZeroDivisionError)):
        codec.decode_number(text)


def broken(**changed: object) -> dict[str, object]:
    return {**through(codec.encode_reading(READING)), **changed}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        broken(used=7),
        broken(limit=["i1", "basis"]),
        broken(limit=["i1", None, False]),
        broken(limit=["i1", "basis", 1]),
        broken(period=["2026-01-01", "2027-01-01"]),
        broken(period=["2026-01-01", "2027-02-30", "UTC"]),
        broken(period=["2026-01-01", 2027, "UTC"]),
        broken(shares={}),
        broken(shares=["web"]),
        broken(shares=[["channel", "web", 5, "i1", None]]),
        broken(shares=[["channel", "web", "Web", 1, None]]),
        broken(grants=[]),
        broken(grants={"g": None}),
        broken(ahead={}),
        broken(ahead=[1]),
    ],
    ids=repr,
)
def test_an_invalid_reading_is_not_decoded(data: object) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)):
        codec.decode_reading(data)
