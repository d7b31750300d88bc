"""The detection of crossings: the ratios whose alerts must be open after a reading. Pure; see ``crossings``."""

from decimal import Decimal

from allowance import Contract, Meter

from core.alerts.crossings import Crossing, MeterCrossings
from core.consumption.readings.judged_reading import CrossedRatios, JudgedReading
from core.consumption.readings.status import UsageStatus, multiply
from core.licenses.alerting_ratios import FULL
from core.text import canonical


def detect_crossings(
    contract: Contract, reading: JudgedReading, previous: CrossedRatios | None
) -> CrossedRatios | None:
    """Return the ratios that a reading has crossed, or None if there are none.

    A ratio that was crossed stays crossed until less is used or its period or limit ends, even if a new contract or an
    update of the meter leaves the ratio out.

    Args:
        contract: The contract of the reading, whose billing period holds if the reading has no period.
        reading: The reading.
        previous: The crossed ratios of the reading before, or None.
    """
    if not (reading.thresholds or previous):
        return None
    crossed = {threshold.ratio for threshold in reading.thresholds if threshold.crossed_at}
    if reading.limit is None or not (crossed or previous):
        return None
    first, limit = (reading.period or contract.period).first, canonical(reading.limit)
    if previous and (previous.period_first, previous.limit) == (first, limit):
        dropped = {*previous.ratios} - {threshold.ratio for threshold in reading.thresholds}
        crossed |= {ratio for ratio in dropped if _is_crossed(ratio, reading)}
    return CrossedRatios(first, limit, tuple(canonical(ratio) for ratio in sorted(crossed))) if crossed else None


def list_crossings(license_id: int, meter: Meter, contract: Contract, reading: JudgedReading) -> MeterCrossings:
    """Return the crossings of a reading's crossed ratios, as they are recorded; none if it has crossed no ratio."""
    crossed, used = reading.crossed, reading.used
    if crossed is None or used is None or reading.limit is None or reading.basis is None or reading.measured_at is None:
        return MeterCrossings(license_id, meter.key, ())
    period = reading.period or contract.period
    times_by_ratio = {canonical(threshold.ratio): threshold.crossed_at for threshold in reading.thresholds}
    return MeterCrossings(
        license_id,
        meter.key,
        tuple(
            Crossing(
                license_id=license_id,
                meter=meter.key,
                first=period.first,
                end=period.end,
                ratio=ratio,
                limit=reading.limit,
                basis=reading.basis,
                contract_version=contract.version,
                used=used,
                status=reading.status.value,
                # A level may have crossed the ratio in an earlier period, which had an alert of its own.
                crossed_at=max(times_by_ratio.get(ratio) or reading.measured_at, period.starts_at),
            )
            for ratio in crossed.ratios
        ),
    )


def _is_crossed(ratio: Decimal, reading: JudgedReading) -> bool:
    """Return whether a ratio that has no threshold any more is still reached, or its limit still exceeded."""
    if reading.used is None or reading.limit is None:
        return False
    if ratio <= FULL and reading.status is UsageStatus.EXCEEDED:
        return True
    return bool(reading.used) and reading.used >= multiply(ratio, reading.limit)
