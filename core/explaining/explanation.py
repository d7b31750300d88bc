"""The explanation of a reading: the contract behind its limit, the parts of its usage, and the events behind these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from allowance import Admission, Counter, Credits, Level, Ratio, Term
from allowance.exact import exact
from allowance.kinds.ratio import Latest, Total
from sqlmodel import Session

from core.admission.window_usage import load_admitted
from core.consumption.readings.judging import round_number
from core.consumption.view import ReadingView
from core.explaining.counted_parts import counted_parts
from core.explaining.credit_parts import credit_parts
from core.explaining.day_ranges import DayRange
from core.explaining.parts import ZERO, FigurePart, PartReason, SummedParts, part_of_difference, sum_of
from core.explaining.reported_parts import reported_parts
from core.plugins.registry import Registry
from core.usage.retention import complete_since

MOST_PARTS: Final = 1000
_DAY: Final = timedelta(days=1)
_BILLIONTH: Final = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class ExplainedLimit:
    """The contract version behind a limit, with its first day, and the terms whose product is the limit."""

    version: int
    effective_from: date
    formula: str
    terms: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ReadingExplanation:
    """The explanation of a reading.

    Attributes:
        limit: The contract behind the limit. None without a limit, and where it does not follow from the contract.
        parts: The parts of the usage, which add up to it. Empty if the reading has no usage.
        divisor: The number by which the parts of a ratio were divided, with its own parts; None for other meters.
        duplicates: The number of events behind the usage that were sent again.
        late: The number of events behind the usage that were counted after their day.
        ledger_since: The time since when the ledger holds all events; None if it holds all that ever arrived.
    """

    limit: ExplainedLimit | None
    parts: Sequence[FigurePart]
    divisor: SummedParts | None
    duplicates: int
    late: int
    ledger_since: datetime | None


def explain_reading(
    session: Session, view: ReadingView, registry: Registry, now: datetime, most: int = MOST_PARTS
) -> ReadingExplanation | None:
    """Return the explanation of a reading in a fixed number of statements; None if the meter was never measured.

    The reading is that of the last refresh, and the rollups are of this moment: what was counted since is a part with
    the reason SINCE_REFRESH, which takes it away again.

    Args:
        session: A session for reading.
        view: The reading.
        registry: The installed meters.
        now: The present time.
        most: The most parts of usage that are listed. All others are one part.
    """
    if view.reading.measured_at is None:
        return None
    used = view.reading.used
    summed, divisor = SummedParts(ZERO, ()), None
    if used is not None:
        if isinstance(view.meter, Ratio) and type(view.meter) is Ratio:
            summed, divisor = _ratio_parts(session, view, view.meter, used, most)
        else:
            summed = _parts(session, view, registry, now, used, most)
    repeated, late = summed.duplicates, summed.late
    if divisor is not None:
        repeated, late = repeated + divisor.duplicates, late + divisor.late
    return ReadingExplanation(_explain_limit(view), summed.parts, divisor, repeated, late, complete_since(session))


def _explain_limit(view: ReadingView) -> ExplainedLimit | None:
    """Return the version whose terms give the limit; None if the terms of the day of the measurement do not give it."""
    reading, license, meter = view.reading, view.license, view.meter
    if reading.limit is None or reading.measured_at is None or isinstance(meter, Credits):
        return None
    day = view.day or license.day_of(reading.measured_at)
    version, contract = license.version_on(day), license.contract_on(day)
    limit = meter.limit_of(contract)
    if version is None or limit is None or round_number(limit.value) != reading.limit:
        return None
    terms = {term: contract.terms[term] for term in meter.limit_terms}
    return ExplainedLimit(version.version, version.effective_from, limit.basis, terms)


def _parts(
    session: Session, view: ReadingView, registry: Registry, now: datetime, used: Decimal, most: int
) -> SummedParts:
    """Return the parts of the usage of any meter but a ratio."""
    meter, license_id, day = view.meter, view.license.id, _day_of(view)
    kind = type(meter)
    if kind is Counter and isinstance(meter, Counter):
        return _up_to(used, _not_below_zero(counted_parts(session, license_id, meter.event, _period(view), most)))
    if kind is Level and isinstance(meter, Level):
        zone = view.license.license.time_zone
        return _up_to(used, reported_parts(session, license_id, zone, meter.event, day, most))
    if kind is Credits and isinstance(meter, Credits):
        return _up_to(used, credit_parts(session, view.license, meter, day, registry, now, most))
    if kind is Admission:
        return _up_to(used, _admitted_parts(session, view, registry, now))
    own = [] if kind is Term else [FigurePart(PartReason.OWN_MEASURE, used)]
    return SummedParts(used, own)


def _up_to(used: Decimal, summed: SummedParts) -> SummedParts:
    """Return parts with one that takes away what was counted since the reading was measured."""
    since = part_of_difference(PartReason.SINCE_REFRESH, used, summed.total)
    return SummedParts(used, [*summed.parts, *since], summed.late, summed.duplicates)


def _not_below_zero(summed: SummedParts) -> SummedParts:
    """Return parts that add up to 0 at the least, as meters read sums that corrections made negative."""
    total = max(summed.total, ZERO)
    below = part_of_difference(PartReason.BELOW_ZERO, total, summed.total)
    return SummedParts(total, [*summed.parts, *below], summed.late, summed.duplicates)


def _ratio_parts(
    session: Session, view: ReadingView, meter: Ratio, used: Decimal, most: int
) -> tuple[SummedParts, SummedParts]:
    """Return the parts of the numerator, each divided, and the divisor."""
    over, under = (_part_of_ratio(session, view, part, most) for part in (meter.numerator, meter.denominator))
    if not under.total:
        return _up_to(used, SummedParts(ZERO, (), over.late, over.duplicates)), under
    quotients = [_divided(part, under.total) for part in over.parts]
    now_used = round_number(Fraction(over.total) / Fraction(under.total))
    with exact():
        # A quotient beside its limit is rounded away from the limit, by a billionth.
        is_same = abs(used - now_used) <= _BILLIONTH
    since = [] if is_same else part_of_difference(PartReason.SINCE_REFRESH, used, now_used)
    rounding = part_of_difference(PartReason.ROUNDING, used, sum_of([*quotients, *since]))
    return SummedParts(used, [*quotients, *since, *rounding], over.late, over.duplicates), under


def _part_of_ratio(session: Session, view: ReadingView, part: Total | Latest, most: int) -> SummedParts:
    if isinstance(part, Total):
        return _not_below_zero(counted_parts(session, view.license.id, part.event, _period(view), most))
    zone = view.license.license.time_zone
    return reported_parts(session, view.license.id, zone, part.event, _day_of(view), most)


def _divided(part: FigurePart, divisor: Decimal) -> FigurePart:
    return part._replace(amount=round_number(Fraction(part.amount) / Fraction(divisor)))


def _admitted_parts(session: Session, view: ReadingView, registry: Registry, now: datetime) -> SummedParts:
    """Return the places that were taken on each day of the quota window, newest first."""
    license, day, window = view.license, _day_of(view), view.reading.period
    since = window.first if window else day
    cells = load_admitted(session, [license], since, registry, now)[license.id]
    parts = [
        FigurePart(PartReason.USAGE, Decimal(cell.count), cell.day)
        for cell in reversed(cells)
        if cell.meter == view.meter.key and cell.window == window and cell.count and cell.day <= day
    ]
    return SummedParts(sum_of(parts), parts)


def _day_of(view: ReadingView) -> date:
    return view.day or view.license.today


def _period(view: ReadingView) -> DayRange:
    """Return the days of the period of a reading up to its day."""
    day = _day_of(view)
    period = view.reading.period or view.license.period_on(day)
    return DayRange(period.first, min(period.end - _DAY, day))
