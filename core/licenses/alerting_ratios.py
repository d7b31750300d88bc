"""The ratios of a meter's limit that alert, by the meter and the contract."""

from decimal import Decimal
from typing import Final

from allowance import Contract, Meter

FULL: Final = Decimal(1)
"""The ratio of the full limit, which always alerts."""


def at_risk_ratio(meter: Meter, contract: Contract) -> Decimal | None:
    """Return the ratio from which the status is AT_RISK, the contract's before the meter's; None if there is none."""
    return contract.at_risk.get(meter.key, meter.at_risk)


def alerting_ratios(meter: Meter, contract: Contract) -> tuple[Decimal, ...]:
    """Return all ratios that alert, lowest first: the at-risk ratio, FULL, and the further ratios of both.

    A further ratio, of the meter's notices or the contract's alerts, changes no status. Equal ratios are one ratio.
    """
    at_risk = at_risk_ratio(meter, contract)
    of_status = (FULL,) if at_risk is None or at_risk == FULL else (at_risk, FULL)
    further = meter.notices + contract.alert_at.get(meter.key, ())
    return tuple(sorted({*of_status, *further})) if further else of_status
