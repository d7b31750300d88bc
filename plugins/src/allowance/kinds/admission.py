"""Admission: the distinct identifiers admitted in a quota window, up to a hard limit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from allowance.errors import InvalidDeclaration
from allowance.license import Contract, License
from allowance.meter import Enforcement, Meter
from allowance.reading import Reading
from allowance.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Admission(Meter):
    """A meter that counts the distinct identifiers admitted in a quota window, first come, first served.

    Identifiers check in; there are no usage events. Each new identifier takes one place. The application refuses new
    identifiers while all places are taken. The status is EXCEEDED once an identifier was refused in the window; a full
    quota that refused nothing is OK. In the next window all places are free again. Windows are calendar months in UTC,
    unless the contract sets others.

    Example::

        Admission(
            key="active_devices", section="push", title="Active devices",
            description="Unique devices that checked in during the quota window.",
            unit="devices", limit="active_devices",
        )
    """

    notices: tuple[Decimal, ...] = (Decimal("0.8"), Decimal("0.9"))

    enforcement: ClassVar[Enforcement] = Enforcement.HARD

    def __post_init__(self) -> None:
        """Check the declaration."""
        super().__post_init__()
        if self.limit is None:
            raise InvalidDeclaration(f"Admission {self.key}: `limit` must name the contract's term that is the quota")
        if self.replaces:
            raise InvalidDeclaration(f"Admission {self.key}: leave `replaces` out; places belong to the meter's key")
        if self.by:
            raise InvalidDeclaration(f"Admission {self.key}: leave `by` out; what is admitted has no dimensions")

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the count of the current window; its limit is the quota."""
        admitted = usage.admitted(self.key)
        return Reading(
            used=admitted.count if admitted else 0,
            limit=self.limit_of(contract),
            period=admitted.window if admitted else None,
            refused=admitted.refused if admitted else 0,
        )
