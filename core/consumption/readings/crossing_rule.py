"""The rule by which a reading has crossed a ratio of its limit. Pure."""

from decimal import Decimal
from typing import NamedTuple

from allowance import Contract, Enforcement, Meter
from allowance.reading import Number

from core.consumption.readings.status import UsageStatus
from core.licenses.alerting_ratios import FULL, at_risk_ratio

# Looked up for every threshold, and reading a member of an enumeration takes longer.
_OK, _AT_RISK, _EXCEEDED = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED


class CrossingRule(NamedTuple):
    """The rule for the limit of a meter: whether it is hard, and the ratio from which it is at risk."""

    is_hard: bool
    at_risk: Decimal | None

    @classmethod
    def of(cls, meter: Meter, contract: Contract) -> "CrossingRule":
        """Return the rule of a meter under a contract."""
        return cls(meter.enforcement is Enforcement.HARD, at_risk_ratio(meter, contract))

    def status_above(self, ratio: Decimal) -> UsageStatus:
        """Return the status of a reading that has crossed the ratio and no higher ratio."""
        if ratio >= FULL:
            return _EXCEEDED
        return _OK if self.at_risk is None or ratio < self.at_risk else _AT_RISK

    def is_crossed(self, ratio: Decimal, value: Number, used: Number, status: UsageStatus) -> bool:
        """Return whether a reading has crossed a ratio.

        A ratio that changes the status is crossed when the status says so, any other once it is reached. The whole of a
        hard limit is crossed by a refusal and not before, as the status is EXCEEDED by a refusal. No ratio of a hard
        limit is crossed while usage is below it: a quota may have refused before it was raised.

        Args:
            ratio: The ratio.
            value: The ratio times the limit.
            used: The usage.
            status: The status of the reading.
        """
        if self.is_hard:
            return used >= value and (status is _EXCEEDED or (ratio < FULL and used > 0))
        if status is _EXCEEDED and ratio <= FULL:
            return True
        if ratio in (FULL, self.at_risk):
            return status is self.status_above(ratio)
        return 0 < used >= value
