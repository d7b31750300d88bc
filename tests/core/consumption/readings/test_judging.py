"""Readings held against their limits, with the thresholds that they cross."""

from dataclasses import MISSING, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import orjson
import pytest
from allowance import Admission, Contract, Counter, Limit, Meter, Period, Reading, Share, Term
from allowance.reading import Number
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.readings.documents import Document, decode_reading, encode_reading
from core.consumption.readings.judged_reading import EntityUsage, JudgedReading, ReadingShare, Threshold
from core.consumption.readings.judging import judge_reading, round_number
from core.consumption.readings.state import ReadingState
from core.consumption.readings.status import UsageStatus

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
YEAR_2026 = Period(date(2026, 1, 1), date(2027, 1, 1), "Europe/Brussels")
YEAR_2027 = Period(date(2027, 1, 1), date(2028, 1, 1), "Europe/Brussels")
AT_RISK, EXCEEDED, OK = UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.OK
CONTRACT = Contract(1, YEAR_2026)
COUNTER = Counter(
    key="sent", section="s", title="Sent", description="Sent.", unit="messages", event="a.sent", at_risk=Decimal("0.8")
)


def judged(
    used: Number | None,
    limit: Number | None = 1000,
    before: Document | None = None,
    at: datetime = NOW,
    *,
    meter: Meter = COUNTER,
    contract: Contract = CONTRACT,
    period: Period | None = YEAR_2026,
    refused: int | None = None,
) -> JudgedReading:
    """Judge a reading, and check that its document reads as the same."""
    reading = Reading(used, None if limit is None else Limit(limit, f"{limit} messages"), period, refused=refused)
    found = judge_reading(meter, contract, reading, before, at)
    assert decode_reading(orjson.loads(orjson.dumps(encode_reading(found)))) == found
    return found


def document(used: Number | None, limit: Number | None = 1000, before: Document | None = None, **rest: Any) -> Document:
    found: Document = orjson.loads(orjson.dumps(encode_reading(judged(used, limit, before, **rest))))
    return found


def crossings(reading: JudgedReading) -> dict[str, datetime | None]:
    return {str(threshold.ratio): threshold.crossed_at for threshold in reading.thresholds}


def test_a_reading_is_judged_with_its_status_limit_and_thresholds() -> None:
    share = Share("channel", "print", "Print", Fraction(1, 3), Decimal(5))
    reading = Reading(Decimal("800.5"), Limit(1000, "1,000 messages"), YEAR_2026, (share,), {"g1": Fraction(1, 2)})

    found = judge_reading(COUNTER, CONTRACT, reading, None, NOW, LATER)
    assert found == JudgedReading(
        status=AT_RISK,
        used=Decimal("800.5"),
        limit=Decimal(1000),
        basis="1,000 messages",
        period=YEAR_2026,
        shares=(ReadingShare("channel", "print", "Print", Decimal("0.333333333"), Decimal(5)),),
        thresholds=(
            Threshold(Decimal("0.8"), Decimal("800.0"), AT_RISK, NOW),
            Threshold(Decimal(1), Decimal(1000), EXCEEDED, None),
        ),
        grants={"g1": Decimal("0.5")},
        measured_at=NOW,
        due_at=LATER,
    )


STATED = Reading(
    Decimal("800.5"),
    Limit(1000, "1,000 messages"),
    YEAR_2026,
    (Share("channel", "print", "Print", Fraction(1, 3), Decimal(5), Fraction(1, 2)),),
    {"g1": Fraction(1, 2)},
    remaining=Fraction(1, 4),
    overage=Fraction(3, 4),
    refused=Fraction(7, 2),
    by_entity=(Share("entity", "be", "Belgium", Fraction(1, 3)), Share("entity", "", "Not specified", 5)),
    ahead=(900, Decimal("950.5")),  # for the forecast alone
)


@pytest.mark.parametrize("record", [STATED, STATED.shares[0]])
def test_the_sample_above_leaves_no_field_at_its_default(record: Any) -> None:
    """A field that is added to the SDK has to be added to the sample, and judged."""
    for field in fields(record):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        assert getattr(record, field.name) != default, field.name


def test_a_judged_reading_has_every_figure_that_the_meter_states() -> None:
    found = judge_reading(COUNTER, Contract(0, YEAR_2026), STATED, None, NOW, LATER)
    assert found == JudgedReading(
        status=EXCEEDED,
        used=Decimal("800.5"),
        limit=Decimal(1000),
        basis="1,000 messages",
        period=YEAR_2026,
        shares=(ReadingShare("channel", "print", "Print", Decimal("0.333333333"), Decimal(5), Decimal("0.5")),),
        thresholds=(
            Threshold(Decimal("0.8"), Decimal("800.0"), AT_RISK, NOW),
            Threshold(Decimal(1), Decimal(1000), EXCEEDED, NOW),
        ),
        grants={"g1": Decimal("0.5")},
        measured_at=NOW,
        due_at=LATER,
        stated_remaining=Decimal("0.25"),
        stated_overage=Decimal("0.75"),
        refused=Decimal("3.5"),
        state=ReadingState.NO_CONTRACT,
        entities=EntityUsage({"be": "0.333333333", "": "5"}, {"be": "Belgium"}),
    )
    defaults = JudgedReading._field_defaults
    # A refresh adds the problem and the crossed ratios later.
    assert {name for name in defaults if getattr(found, name) == defaults[name]} == {"problem", "crossed"}


@pytest.mark.parametrize(
    ("used", "status", "at_risk", "exceeded"),
    [
        (Decimal("799.999999999"), OK, None, None),
        (800, AT_RISK, NOW, None),
        (1000, AT_RISK, NOW, None),
        (Decimal("1000.000000001"), EXCEEDED, NOW, NOW),
    ],
)
def test_a_threshold_is_crossed_exactly_where_the_status_changes(
    used: Number, status: UsageStatus, at_risk: datetime | None, exceeded: datetime | None
) -> None:
    found = judged(used)
    assert found.status is status
    assert crossings(found) == {"0.8": at_risk, "1": exceeded}


def test_a_contract_sets_its_own_ratio() -> None:
    contract = Contract(1, YEAR_2026, at_risk={"sent": Decimal("0.5"), "other": Decimal("0.1")})
    found = judged(500, contract=contract)
    assert found.status is AT_RISK
    assert [(threshold.ratio, threshold.value) for threshold in found.thresholds] == [
        (Decimal("0.5"), Decimal(500)),
        (Decimal(1), Decimal(1000)),
    ]
    assert judged(499, contract=contract).status is OK


HARD = Admission(key="sent", section="s", title="t", description="d", unit="devices", limit="sent", notices=())
FURTHER = Contract(1, YEAR_2026, alert_at={"sent": (Decimal("0.5"), Decimal("0.9"), Decimal(1))})


@pytest.mark.parametrize(
    ("used", "refused", "crossed"),
    [(0, 0, 0), (499, 0, 0), (500, 0, 1), (900, 0, 2), (999, 0, 2), (1000, 0, 2), (1000, 1, 3), (1001, 0, 3)],
)
def test_a_hard_limit_is_crossed_by_a_refusal_and_its_parts_once_they_are_reached(
    used: int, refused: int, crossed: int
) -> None:
    found = judged(used, meter=HARD, contract=FURTHER, refused=refused)
    assert [(str(one.ratio), one.status, one.crossed_at is not None) for one in found.thresholds] == [
        ("0.5", OK, crossed > 0),
        ("0.9", OK, crossed > 1),
        ("1", EXCEEDED, crossed > 2),
    ]
    assert found.status is (EXCEEDED if crossed > 2 else OK)


def test_a_quota_that_was_raised_after_a_refusal_is_exceeded_without_a_new_crossing() -> None:
    found = judged(500, meter=HARD, contract=FURTHER, refused=3)
    assert found.status is EXCEEDED
    assert {ratio for ratio, at in crossings(found).items() if at} == {"0.5"}


def test_a_quota_of_zero_that_refused_has_crossed_every_ratio() -> None:
    assert judged(0, 0, meter=HARD, contract=FURTHER, refused=0).status is OK
    found = judged(0, 0, meter=HARD, contract=FURTHER, refused=1)
    assert found.status is EXCEEDED
    assert crossings(found) == {"0.5": NOW, "0.9": NOW, "1": NOW}


@pytest.mark.parametrize(
    ("used", "status", "crossed"),
    [(499, OK, 0), (500, OK, 1), (800, AT_RISK, 2), (900, AT_RISK, 3), (1000, AT_RISK, 3), (1001, EXCEEDED, 4),
     (1199, EXCEEDED, 4), (1200, EXCEEDED, 5)],
)  # fmt: skip
def test_further_ratios_are_shown_among_those_that_change_the_status(
    used: int, status: UsageStatus, crossed: int
) -> None:
    contract = Contract(1, YEAR_2026, alert_at={"sent": (Decimal("0.9"), Decimal("1.2"))})
    meter = replace(COUNTER, notices=(Decimal("0.5"), Decimal("0.9")))
    found = judged(used, meter=meter, contract=contract)
    assert found.status is status
    assert [(str(one.ratio), one.status, one.crossed_at is not None) for one in found.thresholds] == [
        ("0.5", OK, crossed > 0),
        ("0.8", AT_RISK, crossed > 1),
        ("0.9", AT_RISK, crossed > 2),
        ("1", EXCEEDED, crossed > 3),
        ("1.2", EXCEEDED, crossed > 4),
    ]


def test_a_further_ratio_keeps_the_time_of_its_crossing_while_the_status_is_ok() -> None:
    first = document(600, contract=FURTHER)
    assert crossings(judged(650, before=first, at=LATER, contract=FURTHER))["0.5"] == NOW


def test_a_meter_without_a_ratio_has_the_limit_alone_for_a_threshold() -> None:
    plain = replace(COUNTER, at_risk=None)
    assert crossings(judged(1000, meter=plain)) == {"1": None}
    assert crossings(judged(1001, meter=plain)) == {"1": NOW}


def test_there_are_no_thresholds_without_a_limit_or_usage() -> None:
    assert judged(5, None).thresholds == ()
    assert judged(None).thresholds == ()
    term = Term(key="kept", section="s", title="t", description="d", unit="months", limit="months")
    assert judged(None, 13, meter=term, period=None) == JudgedReading(
        OK, limit=Decimal(13), basis="13 messages", measured_at=NOW, state=ReadingState.TERM_ONLY
    )


def test_a_crossing_keeps_its_time_while_it_lasts() -> None:
    first = document(900)
    second = document(1200, before=first, at=LATER)
    third = judged(1300, before=second, at=LATER + timedelta(hours=1))
    assert crossings(decode_reading(second)) == {"0.8": NOW, "1": LATER}
    assert crossings(third) == {"0.8": NOW, "1": LATER}


def test_a_crossing_is_new_after_the_level_dipped_and_returned() -> None:
    dipped = document(700, before=document(900), at=LATER)
    assert crossings(decode_reading(dipped)) == {"0.8": None, "1": None}
    again = LATER + timedelta(hours=1)
    assert crossings(judged(900, before=dipped, at=again)) == {"0.8": again, "1": None}


def test_a_crossing_is_new_under_another_limit() -> None:
    assert crossings(judged(1300, 1200, before=document(1200), at=LATER)) == {"0.8": LATER, "1": LATER}


def test_a_crossing_is_new_in_another_period() -> None:
    assert crossings(judged(1300, before=document(1200), at=LATER, period=YEAR_2027)) == {"0.8": LATER, "1": LATER}


def test_another_at_risk_ratio_is_another_threshold() -> None:
    contract = Contract(2, YEAR_2026, at_risk={"sent": Decimal("0.9")})
    found = judged(1001, before=document(1001), at=LATER, contract=contract)
    assert crossings(found) == {"0.9": LATER, "1": NOW}


def test_an_equal_limit_written_otherwise_is_the_same_limit() -> None:
    assert crossings(judged(1001, Decimal("1000.00"), before=document(1001), at=LATER)) == {"0.8": NOW, "1": NOW}


def test_the_value_of_a_threshold_is_exact_beyond_28_digits() -> None:
    limit = Decimal("64903710731685345356631204115251.1")
    found = judged(0, limit)
    assert [str(threshold.value) for threshold in found.thresholds] == [
        "51922968585348276285304963292200.88",
        "64903710731685345356631204115251.1",
    ]


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (7, "7"),
        (2**60, "1152921504606846976"),
        (Decimal("0.10"), "0.10"),
        (Decimal("12345678901234567890123456789012.5"), "12345678901234567890123456789012.5"),
        (Fraction(1, 3), "0.333333333"),
        (Fraction(2, 3), "0.666666667"),
        (Fraction(12), "12"),
        (Fraction(1, 10**10), "0"),
        (Fraction(10**40 + 1, 2), "5000000000000000000000000000000000000000.5"),
    ],
)
def test_a_number_is_kept_exactly_and_a_quotient_to_a_billionth(number: Number, kept: str) -> None:
    assert str(round_number(number)) == kept


@given(st.fractions(0, 10**40))
def test_a_quotient_is_kept_to_the_nearest_billionth_whatever_the_precision(number: Fraction) -> None:
    with localcontext() as context:
        context.prec = 5
        kept = round_number(number)
    assert abs(Fraction(kept) - number) <= Fraction(1, 2 * 10**9)
    assert Fraction(kept).denominator <= 10**9


@given(
    st.fractions(min_value=0, max_value=10**6, max_denominator=10**12),
    st.decimals(min_value="0.0001", max_value=10**6, places=9),
    st.sampled_from([None, Decimal("0.8"), Decimal("0.123456789")]),
)
def test_a_shown_quotient_is_on_its_own_side_of_limit_and_thresholds(
    used: Fraction, limit: Decimal, at_risk: Decimal | None
) -> None:
    for near in (used, Fraction(limit) + used / 10**16, Fraction(limit) - min(used / 10**16, Fraction(limit))):
        reading = judged(near, limit, meter=replace(COUNTER, at_risk=at_risk))
        assert reading.used is not None
        assert (reading.used > limit) == (near > limit)
        assert abs(Fraction(reading.used) - near) < Fraction(2, 10**9)
        for threshold in reading.thresholds:
            assert (reading.used >= threshold.value) == (near >= Fraction(threshold.value))
