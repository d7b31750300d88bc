"""Which thresholds a reading has crossed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from allowance import Contract, Enforcement, Meter

from core.alerts.crossings import Crossing, Measured, plain
from core.consumption.readings import Document, further_ratios
from core.consumption.status import UsageStatus, times

FULL: Final = Decimal(1)


def note_crossed(
    license_id: int, meter: Meter, contract: Contract, document: dict[str, Any], before: Document | None
) -> Measured | None:
    """Write into a new reading's document, as `crossed`, the period, limit and ratios that alerts stand for; what is
    to be recorded of it, None where the reading before had the same.

    A ratio that was crossed stays so until less is used or its period or limit ends, also where a new contract or an
    update of the meter leaves it out.
    """
    noted = before.get("crossed") if before else None
    further = further_ratios(meter, contract)
    tells_early = further or meter.enforcement is Enforcement.HARD
    if document["status"] == UsageStatus.OK.value and noted is None and not tells_early:
        return None
    earlier = {Decimal(ratio) for ratio in noted[2]} if noted else set()
    reading = _in_force(license_id, meter, contract, document)
    if reading is None:
        return Measured(license_id, meter.key, ()) if noted else None
    at_risk = contract.at_risk.get(meter.key, meter.at_risk)
    in_force = [reading.first.isoformat(), str(plain(reading.limit))]
    counting = {FULL, *([at_risk] if at_risk else []), *further}
    crossed = {ratio for ratio in counting | earlier if _is_crossed(ratio, meter, reading, at_risk)}
    standing = sorted(crossed if noted and noted[:2] == in_force else crossed & counting)
    if standing:
        document["crossed"] = [*in_force, [str(plain(ratio)) for ratio in standing]]
    if document.get("crossed") == noted:
        return None
    return Measured(license_id, meter.key, tuple(replace(reading, ratio=ratio) for ratio in standing))


def _in_force(license_id: int, meter: Meter, contract: Contract, document: Document) -> Crossing | None:
    """The whole of what a reading is held against; None where there is nothing."""
    if "used" not in document or "limit" not in document:
        return None
    used, limit = Decimal(document["used"]), Decimal(document["limit"])
    period = document.get("period")
    first, end = contract.period.first, contract.period.end
    if period:
        first, end = date.fromisoformat(period[0]), date.fromisoformat(period[1])
    return Crossing(
        license_id, meter.key, first, end, FULL, limit, document["basis"], contract.version, used, document["status"]
    )


def _is_crossed(ratio: Decimal, meter: Meter, reading: Crossing, at_risk: Decimal | None) -> bool:
    """By the status, where the threshold is one of those that change it; a hard limit also when it is full."""
    if ratio <= FULL and reading.status == UsageStatus.EXCEEDED.value:
        return True
    if ratio == at_risk and ratio != FULL:
        return reading.status == UsageStatus.AT_RISK.value
    if ratio == FULL and meter.enforcement is not Enforcement.HARD:
        return False
    return bool(reading.used) and reading.used >= times(ratio, reading.limit)
