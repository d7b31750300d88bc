"""The state of a reading, and the status of what is made of readings, against a plain model of the rules."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from allowance import (
    Admission,
    Contract,
    Counter,
    Credits,
    Latest,
    Level,
    License,
    Limit,
    Meter,
    Period,
    Ratio,
    Reading,
    Term,
    Total,
)
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.overview import overview_of
from core.consumption.readings.documents import decode_reading, encode_reading
from core.consumption.readings.judged_reading import NEVER_MEASURED, worst_status
from core.consumption.readings.judging import judge_reading, judge_usage
from core.consumption.readings.state import ReadingState
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.consumption.view import view_consumption
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
IN_FORCE, NONE = Contract(1, YEAR), Contract(0, YEAR)
TEXTS = {"key": "own", "section": "s", "title": "t", "description": "d", "unit": "pieces"}
LEVEL = Level(**TEXTS, limit="own")  # type: ignore[arg-type]
COUNTER = Counter(**TEXTS, limit="own", event="a.sent", at_risk=Decimal("0.8"))  # type: ignore[arg-type]
TERM = Term(**TEXTS, limit="own")  # type: ignore[arg-type]
HARD = Admission(**TEXTS, limit="own")  # type: ignore[arg-type]
CREDITS = Credits(**TEXTS, event="a.sent")  # type: ignore[arg-type]
RATIO = Ratio(**TEXTS, limit="own", numerator=Total("a.sent"), denominator=Latest("b.level"))  # type: ignore[arg-type]
OF_LEVELS = Ratio(**TEXTS, limit="own", numerator=Latest("c.level"), denominator=Latest("b.level"))  # type: ignore[arg-type]
S, OK, UNKNOWN, EXCEEDED = ReadingState, UsageStatus.OK, UsageStatus.UNKNOWN, UsageStatus.EXCEEDED


class OwnMeter(Meter):
    """A partner's meter that reads no events."""

    def measure(self, *_: object) -> Reading:
        return Reading(0)


OWN = OwnMeter(**TEXTS, limit="own")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("meter", "contract", "used", "limit", "state", "status"),
    [
        (LEVEL, IN_FORCE, 3, 5, S.MEASURED, OK),
        (LEVEL, IN_FORCE, 6, 5, S.MEASURED, EXCEEDED),
        (LEVEL, IN_FORCE, 0, 0, S.MEASURED, OK),
        (LEVEL, IN_FORCE, None, 5, S.NOTHING_REPORTED, UNKNOWN),
        (LEVEL, IN_FORCE, None, None, S.NOT_IN_CONTRACT, UNKNOWN),
        (LEVEL, IN_FORCE, 0, None, S.UNLIMITED, OK),
        (LEVEL, IN_FORCE, 3, None, S.UNLIMITED, OK),
        (LEVEL, NONE, None, None, S.NO_CONTRACT, UNKNOWN),
        (LEVEL, NONE, 3, None, S.NO_CONTRACT, UNKNOWN),
        (COUNTER, IN_FORCE, 0, 5, S.MEASURED, OK),
        (COUNTER, IN_FORCE, 0, None, S.NOT_IN_CONTRACT, OK),
        (COUNTER, IN_FORCE, 1, None, S.UNLIMITED, OK),
        (COUNTER, NONE, 0, None, S.NO_CONTRACT, UNKNOWN),
        (RATIO, IN_FORCE, None, 5, S.NOTHING_REPORTED, UNKNOWN),
        (RATIO, IN_FORCE, Fraction(0), None, S.NOT_IN_CONTRACT, OK),
        (RATIO, IN_FORCE, Fraction(1, 3), None, S.UNLIMITED, OK),
        (OF_LEVELS, IN_FORCE, Fraction(0), None, S.UNLIMITED, OK),
        (TERM, IN_FORCE, None, 24, S.TERM_ONLY, OK),
        (TERM, IN_FORCE, None, None, S.NOT_IN_CONTRACT, OK),
        (TERM, NONE, None, None, S.NO_CONTRACT, UNKNOWN),
        (HARD, IN_FORCE, 0, 3, S.MEASURED, OK),
        (HARD, IN_FORCE, 0, None, S.NOT_IN_CONTRACT, OK),
        (HARD, IN_FORCE, 2, None, S.UNLIMITED, OK),
        (CREDITS, IN_FORCE, 0, None, S.NOT_IN_CONTRACT, OK),
        (CREDITS, IN_FORCE, 4, 10, S.MEASURED, OK),
        (CREDITS, NONE, 0, None, S.NO_CONTRACT, UNKNOWN),
        (CREDITS, NONE, 11, 10, S.NO_CONTRACT, EXCEEDED),
        (OWN, IN_FORCE, 0, None, S.NOT_IN_CONTRACT, OK),
        (OWN, IN_FORCE, 1, None, S.UNLIMITED, OK),
    ],
)
def test_state_and_status_follow_from_contract_limit_and_usage(
    meter: Meter,
    contract: Contract,
    used: int | Fraction | None,
    limit: int | None,
    state: ReadingState,
    status: UsageStatus,
) -> None:
    reading = Reading(used, None if limit is None else Limit(limit, "as agreed"))
    found = judge_reading(meter, contract, reading, None, NOW)
    assert (found.state, found.status) == (state, status)
    assert judge_usage(meter, contract, reading).status is status
    assert decode_reading(encode_reading(found)) == found


def test_a_section_of_which_nothing_is_in_the_contract_is_ok() -> None:
    unsold = judge_reading(LEVEL, IN_FORCE, Reading(None), None, NOW)
    assert worst_status([unsold, unsold]) is OK
    assert worst_status([unsold, NEVER_MEASURED]) is UNKNOWN


USED = st.none() | st.integers(0, 12)
METERS = st.sampled_from([LEVEL, COUNTER, TERM, HARD, RATIO])
JUDGED = st.builds(
    lambda meter, contract, used, limit, refused: judge_reading(
        meter,
        contract,
        Reading(
            None if meter is TERM else used or (0 if meter in (COUNTER, HARD) else used),
            None if limit is None or contract is NONE else Limit(limit, "as agreed"),
            refused=refused if meter is HARD else None,
        ),
        None,
        NOW,
    ),
    METERS,
    st.sampled_from([IN_FORCE, IN_FORCE, IN_FORCE, NONE]),
    USED,
    st.none() | st.integers(0, 10),
    st.sampled_from([0, 0, 2]),
)
RANK: dict[str, int] = {"EXCEEDED": 3, "AT_RISK": 2, "UNKNOWN": 1, "OK": 0}
BY_STATE: dict[str, Callable[[str], bool]] = {
    "NOTHING_REPORTED": lambda status: status == "UNKNOWN",
    "NEVER_MEASURED": lambda status: status == "UNKNOWN",
    "NO_CONTRACT": lambda status: status == "UNKNOWN",
    "UNLIMITED": lambda status: status == "OK",
    "TERM_ONLY": lambda status: status == "OK",
    "NOT_IN_CONTRACT": lambda status: status in ("OK", "UNKNOWN"),
    "MEASURED": lambda status: status != "UNKNOWN",
}


@given(st.data())
def test_the_status_of_sections_and_of_the_whole_is_the_worst_of_what_the_contract_has(
    registry: Registry, data: st.DataObject
) -> None:
    readings = {
        meter: data.draw(JUDGED | st.just(NEVER_MEASURED), label=meter)
        for meter in data.draw(st.sets(st.sampled_from(sorted(registry.meters))), label="measured")
    }
    for reading in readings.values():
        assert BY_STATE[reading.state.value](reading.status.value)
    license = LoadedLicense(1, License("acme", "Acme"), (), NOW.date())
    view = view_consumption(license, readings, 1, registry, NOW)

    def plain(meters: list[str]) -> str:
        parts = [readings.get(meter, NEVER_MEASURED) for meter in meters]
        ranked = [RANK[one.status.value] for one in parts if one.state.value != "NOT_IN_CONTRACT"]
        return next(status for status, rank in RANK.items() if rank == max(ranked, default=0))

    for section in view.sections:
        assert section.status.value == plain([one.meter.key for one in section.readings])
    assert view.status.value == plain(list(registry.meters))

    shown = {one.meter.key: encode_reading(one.reading) for section in view.sections for one in section.readings}
    assert overview_of(shown, registry.meters).severity == SEVERITY[view.status]
