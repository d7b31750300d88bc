"""Which thresholds a reading has crossed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from allowance import Contract, Meter

from core.alerts.crossings import Crossing, MeterCrossings
from core.consumption.readings.documents import Document
from core.consumption.readings.status import UsageStatus, times
from core.text import canonical

FULL: Final = Decimal(1)


def detect_crossings(
    license_id: int, meter: Meter, contract: Contract, document: dict[str, Any], before: Document | None
) -> MeterCrossings | None:
    """Write into a new reading's document, as `crossed`, the period, limit and ratios that alerts stand for; what is
    to be recorded of it, None where the reading before had the same.

    A ratio that was crossed stays so until less is used or its period or limit ends, also where a new contract or an
    update of the meter leaves it out.
    """
    noted = before.get("crossed") if before else None
    thresholds = document.get("thresholds", ())
    if noted is None and not any(crossed_at for *_, crossed_at in thresholds):
        return None
    reading = _in_force(license_id, meter, contract, document)
    if reading is None:
        return MeterCrossings(license_id, meter.key, ())
    in_force = [reading.first.isoformat(), str(canonical(reading.limit))]
    listed = {Decimal(ratio): crossed_at for ratio, *_, crossed_at in thresholds}
    standing = {ratio for ratio, crossed_at in listed.items() if crossed_at}
    if noted and noted[:2] == in_force:
        dropped = {Decimal(ratio) for ratio in noted[2]} - listed.keys()
        standing |= {ratio for ratio in dropped if _is_crossed(ratio, reading)}
    if standing:
        document["crossed"] = [*in_force, [str(canonical(ratio)) for ratio in sorted(standing)]]
    if document.get("crossed") == noted:
        return None
    return MeterCrossings(license_id, meter.key, tuple(replace(reading, ratio=ratio) for ratio in sorted(standing)))


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


def _is_crossed(ratio: Decimal, reading: Crossing) -> bool:
    """Whether a further ratio is reached, or as much is used as can be."""
    if ratio <= FULL and reading.status == UsageStatus.EXCEEDED.value:
        return True
    return bool(reading.used) and reading.used >= times(ratio, reading.limit)
