"""The ratios of a meter's limit that alert, by the meter and the contract."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

from allowance import Contract, Meter

from core.licenses.tables import ContractVersion

FULL: Final = Decimal(1)
"""The ratio of the full limit, which always alerts."""

T = TypeVar("T")
U = TypeVar("U")


def at_risk_ratio(meter: Meter, contract: Contract) -> Decimal | None:
    """Return the ratio from which the status is AT_RISK, the contract's before the meter's; None if there is none."""
    return _stated(contract.at_risk, meter, meter.at_risk)


def alerting_ratios(meter: Meter, contract: Contract) -> tuple[Decimal, ...]:
    """Return all ratios that alert, lowest first: the at-risk ratio, FULL, and the further ratios of both.

    A further ratio, of the meter's notices or the contract's alerts, changes no status. Equal ratios are one ratio.
    """
    at_risk = at_risk_ratio(meter, contract)
    of_status = (FULL,) if at_risk is None or at_risk == FULL else (at_risk, FULL)
    further = meter.notices + _stated(contract.alert_at, meter, ())
    return tuple(sorted({*of_status, *further})) if further else of_status


def forecast_ratios(meter: Meter, version: ContractVersion | None) -> tuple[Decimal, ...]:
    """Return the ratios that alert once a forecast reaches them, lowest first; none without a contract that states any.

    Meters do not see them: they are of the contract version alone.
    """
    stated = _stated(version.forecast_at, meter, ()) if version else ()
    return tuple(map(Decimal, stated))


def _stated(by_meter: Mapping[str, T], meter: Meter, default: U) -> T | U:
    """Return what a contract states of a meter, or else of an earlier meter that it replaces."""
    if not meter.replaces:
        return by_meter.get(meter.key, default)
    return next((by_meter[key] for key in (meter.key, *meter.replaces) if key in by_meter), default)
