"""Which thresholds a reading has crossed."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from allowance import Contract, Enforcement, Meter

from core.alerts.crossings import Crossing, Measured
from core.consumption.readings import Document
from core.consumption.status import UsageStatus, times

FULL: Final = Decimal(1)


def crossed(
    license_id: int, meter: Meter, contract: Contract, document: Document, before: Document | None
) -> Measured | None:
    """What a new reading has crossed; None where that is what the one before had, so that there is nothing to tell."""
    fine = UsageStatus.OK.value
    if document["status"] == fine and (not before or before["status"] == fine) and not _tells_early(meter):
        return None
    now = tuple(_crossings(license_id, meter, contract, document))
    earlier = tuple(_crossings(license_id, meter, contract, before)) if before else ()
    same = {_key(one) for one in now} == {_key(one) for one in earlier}
    # Without a period of its own a reading is of the contract's, which may be another one than before.
    if same and (not now or (before and datetime.fromisoformat(before["measured_at"]) >= contract.period.starts_at)):
        return None
    return Measured(license_id, meter.key, now)


def _tells_early(meter: Meter) -> bool:
    """Whether thresholds may be crossed while the status is OK."""
    return bool(meter.notices) or meter.enforcement is Enforcement.HARD


def _key(crossing: Crossing) -> tuple[date, Decimal, Decimal]:
    return crossing.first, crossing.ratio, crossing.limit


def _crossings(license_id: int, meter: Meter, contract: Contract, document: Document) -> Iterator[Crossing]:
    if "used" not in document or "limit" not in document:
        return
    used, limit, status = Decimal(document["used"]), Decimal(document["limit"]), UsageStatus(document["status"])
    at_risk = contract.at_risk.get(meter.key, meter.at_risk)
    period = document.get("period")
    first, end = contract.period.first, contract.period.end
    if period:
        first, end = date.fromisoformat(period[0]), date.fromisoformat(period[1])
    for ratio in sorted({FULL, *([at_risk] if at_risk else []), *meter.notices}):
        if _is_crossed(ratio, meter, used, limit, status, at_risk):
            yield Crossing(
                license_id, meter.key, first, end, ratio, limit, document["basis"], contract.version, used, status.value
            )


def _is_crossed(
    ratio: Decimal, meter: Meter, used: Decimal, limit: Decimal, status: UsageStatus, at_risk: Decimal | None
) -> bool:
    """By the status, where the threshold is one of those that change it; a hard limit also when it is full."""
    if status is UsageStatus.EXCEEDED:
        return True
    if ratio == at_risk:
        return status is UsageStatus.AT_RISK
    if ratio == FULL and meter.enforcement is not Enforcement.HARD:
        return False
    return bool(used) and used >= times(ratio, limit)
