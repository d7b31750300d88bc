"""What alerts is what is shown: thresholds and alerts follow from the same ratios, and agree on what is crossed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from allowance import Admission, Contract, Level, Limit, Period, Reading
from allowance.reading import Number
from hypothesis import example, given
from hypothesis import strategies as st

from core.alerts.detection import detect_crossings, list_crossings
from core.consumption.readings.documents import decode_reading, encode_reading
from core.consumption.readings.judging import judge_reading

YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
RATIOS = st.sampled_from([Decimal(number) / 20 for number in range(1, 21)])
ABOVE = st.sampled_from([Decimal("1.2"), Decimal(2), Decimal(10)])
LIMITS = st.integers(0, 40).map(Decimal) | st.fractions(0, 40, max_denominator=7)
AMOUNTS = st.one_of(st.integers(0, 90), st.fractions(0, 90, max_denominator=7))


@given(AMOUNTS, LIMITS, st.booleans(), st.none() | RATIOS, st.sets(RATIOS), st.sets(RATIOS | ABOVE), st.booleans())
@example(0, Decimal(0), True, None, {Decimal("0.5")}, {Decimal("1.2")}, False)
@example(1, Fraction(5, 3), False, None, set(), {Decimal("0.6")}, False)
@example(Fraction(20), Decimal(20), False, Decimal(1), set(), {Decimal(1)}, False)
def test_the_thresholds_that_are_shown_crossed_are_those_that_alert(
    used: Number,
    limit: Number,
    exhaustible: bool,
    at_risk: Decimal | None,
    notices: set[Decimal],
    alert_at: set[Decimal],
    hard: bool,
) -> None:
    texts = {"key": "own", "section": "s", "title": "t", "description": "d", "unit": "pieces", "limit": "own"}
    parts = tuple(sorted(notices - {Decimal(1)}))
    meter = (Admission if hard else Level)(**texts, at_risk=at_risk, notices=parts)  # type: ignore[arg-type]
    contract = Contract(1, YEAR, alert_at={"own": tuple(sorted(alert_at))})
    reading = Reading(used=used, limit=Limit(limit, "as agreed", exhaustible and not hard), period=YEAR)
    judged = judge_reading(meter, contract, reading, None, datetime(2026, 3, 15, 12, tzinfo=UTC))

    found = detect_crossings(contract, judged, None)

    judged = judged._replace(crossed=found)
    measured = list_crossings(1, meter, contract, judged)
    document = encode_reading(judged)
    shown = decode_reading(document).thresholds
    alerting = {Decimal(1), *notices, *alert_at, *([at_risk] if at_risk else [])}
    assert {one.ratio for one in shown} == alerting
    assert [one.ratio for one in shown] == sorted(one.ratio for one in shown)
    crossed = {one.ratio for one in shown if one.crossed_at}
    assert {one.ratio for one in measured.crossings} == crossed
    assert {*found.ratios} == crossed if found else not crossed
    assert {Decimal(ratio) for ratio in document.get("crossed", (0, 0, ()))[2]} == crossed
