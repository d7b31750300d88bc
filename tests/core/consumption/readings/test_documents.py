"""The stored form of readings: exact, since old databases hold it, and read back as it was written."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from allowance import Period

from core.consumption.readings.documents import (
    NEVER_MEASURED_DOCUMENT,
    Document,
    crossing_times,
    decode_crossed,
    decode_reading,
    decode_usage,
    due_at,
    encode_reading,
    measured_at,
    with_problem,
)
from core.consumption.readings.judged_reading import (
    NEVER_MEASURED,
    CrossedRatios,
    EntityUsage,
    JudgedReading,
    Problem,
    ReadingShare,
    Threshold,
    UsageAgainstLimit,
)
from core.consumption.readings.state import ReadingState
from core.consumption.readings.status import UsageStatus

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1), "Europe/Brussels")
AT_RISK, EXCEEDED, OK = UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.OK
FULL = JudgedReading(
    status=AT_RISK,
    used=Decimal("800.50"),
    limit=Decimal(1000),
    basis="1,000 messages",
    period=YEAR,
    shares=(
        ReadingShare("channel", "print", "Print", Decimal("0.333333333"), Decimal(5), Decimal("4.5")),
        ReadingShare("channel", "", "Other", Decimal(0), None),
    ),
    thresholds=(
        Threshold(Decimal("0.80"), Decimal("800.00"), AT_RISK, NOW),
        Threshold(Decimal(1), Decimal("1E+3"), EXCEEDED, None),
    ),
    grants={"g1": Decimal("0.5")},
    measured_at=NOW,
    due_at=LATER,
    problem=Problem("METER_FAILED", "It failed.", LATER),
    crossed=CrossedRatios(date(2026, 1, 1), Decimal("1000.0"), (Decimal("0.50"), Decimal("0.8"))),
    stated_remaining=Decimal("199.25"),
    stated_overage=Decimal("0.75"),
    refused=Decimal(3),
    state=ReadingState.NO_CONTRACT,
    entities=EntityUsage({"be": "7.5", "": "1"}, {"be": "Belgium"}),
)
STORED = (
    b'{"status":"AT_RISK","used":"800.50","limit":"1000","measured_at":"2026-03-15T12:00:00+00:00",'
    b'"basis":"1,000 messages","period":["2026-01-01","2027-01-01","Europe/Brussels"],'
    b'"shares":[["channel","print","Print","0.333333333","5","4.5"],["channel","","Other","0",null]],"stated":["199.25","0.75","3"],'
    b'"grants":{"g1":"0.5"},"due_at":"2026-03-15T13:00:00+00:00",'
    b'"thresholds":[["0.80","800","AT_RISK","2026-03-15T12:00:00+00:00"],["1","1000","EXCEEDED",null]],'
    b'"crossed":["2026-01-01","1000",["0.5","0.8"]],'
    b'"problem":["METER_FAILED","It failed.","2026-03-15T13:00:00+00:00"],"state":"NO_CONTRACT",'
    b'"entities":[{"be":"7.5","":"1"},{"be":"Belgium"}]}'
)


def stored() -> Document:
    document: Document = orjson.loads(STORED)
    return document


@pytest.mark.parametrize("record", [FULL, FULL.shares[0], FULL.thresholds[0]])
def test_the_sample_above_leaves_no_field_at_its_default(record: Any) -> None:
    """A field that is added to the record has to be added to the sample, whose round trip is tested."""
    defaults: Mapping[str, Any] = record._field_defaults
    for name, default in defaults.items():
        assert getattr(record, name) != default, name


def test_stored_form_of_a_reading_with_every_field() -> None:
    assert orjson.dumps(encode_reading(FULL)) == STORED
    assert decode_reading(stored()) == FULL


def test_what_is_none_or_empty_is_left_out() -> None:
    assert encode_reading(NEVER_MEASURED) == NEVER_MEASURED_DOCUMENT == {"status": "UNKNOWN"}
    unreported = JudgedReading(UsageStatus.UNKNOWN, measured_at=NOW, state=ReadingState.NOT_IN_CONTRACT)
    assert encode_reading(unreported) == {
        "status": "UNKNOWN",
        "measured_at": "2026-03-15T12:00:00+00:00",
    }
    reading = JudgedReading(
        OK, Decimal(0), Decimal(0), "0 messages", thresholds=(Threshold(Decimal(1), Decimal("0.0"), EXCEEDED),)
    )
    assert encode_reading(reading) == {
        "status": "OK",
        "used": "0",
        "limit": "0",
        "basis": "0 messages",
        "thresholds": [["1", "0", "EXCEEDED", None]],
    }
    for each in (NEVER_MEASURED, reading):
        assert decode_reading(encode_reading(each)) == each


def test_narrow_functions_read_the_same_as_the_whole() -> None:
    document = stored()
    assert decode_usage(document) == UsageAgainstLimit(FULL.status, FULL.used, FULL.limit)
    assert decode_crossed(document) == FULL.crossed
    assert (measured_at(document), due_at(document)) == (FULL.measured_at, FULL.due_at)
    assert crossing_times(document, YEAR, Decimal("1000.0")) == {Decimal("0.8"): NOW, Decimal(1): None}


@pytest.mark.parametrize("document", [None, NEVER_MEASURED_DOCUMENT])
def test_narrow_functions_find_nothing_of_a_meter_that_was_never_measured(document: Document | None) -> None:
    assert (decode_crossed(document), measured_at(document), due_at(document)) == (None, None, None)


def test_crossing_times_are_of_one_period_and_limit() -> None:
    document = stored()
    assert crossing_times(document, None, Decimal(1000)) == {}
    assert crossing_times(document, YEAR, Decimal(1001)) == {}
    assert crossing_times(NEVER_MEASURED_DOCUMENT, None, Decimal(1)) == {}


def test_a_large_number_with_an_exponent_is_stored_in_plain_digits_as_the_value_of_a_threshold() -> None:
    threshold = Threshold(Decimal("0.80"), Decimal("8.0E+10"), AT_RISK)
    document = encode_reading(JudgedReading(OK, Decimal(0), Decimal("1E+11"), "", thresholds=(threshold,)))
    assert document["thresholds"] == [["0.80", "80000000000", "AT_RISK", None]]


def test_a_problem_is_stored_beside_the_last_good_reading_and_keeps_the_time_of_its_beginning() -> None:
    good = FULL._replace(problem=None)
    problem = Problem("METER_FAILED", "It failed.", LATER)
    failed = with_problem(encode_reading(good), problem, LATER)
    assert decode_reading(failed) == FULL
    again = Problem("METER_TIMED_OUT", "It took too long.", LATER + timedelta(hours=1))
    failed_again = with_problem(failed, again, again.since)
    assert decode_reading(failed_again) == FULL._replace(problem=again._replace(since=LATER), due_at=again.since)
    assert decode_reading(with_problem(None, problem, LATER)) == NEVER_MEASURED._replace(problem=problem, due_at=LATER)


def test_figures_that_a_meter_of_credits_states_survive_the_document() -> None:
    shares = (
        ReadingShare("entity", "a", "a", Decimal(110), None),
        ReadingShare("entity", "b", "b", Decimal(60), Decimal(100), Decimal(90)),
    )
    reading = JudgedReading(
        EXCEEDED, Decimal(110), Decimal(100), shares=shares, stated_remaining=Decimal(90), stated_overage=Decimal(100)
    )
    document = encode_reading(reading)
    assert document["stated"] == ["90", "100", None]
    assert decode_reading(document) == reading
    assert (reading.remaining, reading.overage) == (90, 100)
    assert [share.remaining for share in reading.shares] == [None, 90]


MEASURED_AT = {"measured_at": "2026-03-15T12:00:00+00:00"}


@pytest.mark.parametrize(
    ("document", "state"),
    [
        ({"status": "UNKNOWN"}, ReadingState.NEVER_MEASURED),
        ({"status": "UNKNOWN", "problem": ["A", "b", "2026-03-15T12:00:00+00:00"]}, ReadingState.NEVER_MEASURED),
        ({"status": "OK", "used": "0", "limit": "5", **MEASURED_AT}, ReadingState.MEASURED),
        ({"status": "UNKNOWN", "limit": "5", **MEASURED_AT}, ReadingState.NOTHING_REPORTED),
        ({"status": "OK", "limit": "24", **MEASURED_AT}, ReadingState.TERM_ONLY),
        ({"status": "UNKNOWN", **MEASURED_AT}, ReadingState.NOT_IN_CONTRACT),
        ({"status": "OK", "used": "0.00", **MEASURED_AT}, ReadingState.NOT_IN_CONTRACT),
        ({"status": "OK", "used": "0.01", **MEASURED_AT}, ReadingState.UNLIMITED),
        ({"status": "OK", "used": "0", "state": "UNLIMITED", **MEASURED_AT}, ReadingState.UNLIMITED),
    ],
)
def test_a_document_from_before_there_were_states_shows_its_state(document: Document, state: ReadingState) -> None:
    assert decode_reading(document).state is state
    assert encode_reading(decode_reading(document)) == document
