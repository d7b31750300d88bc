"""A check-in: who asks for which installation to be admitted, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allowance import Admission

from core.access.keys import Caller, Scope
from core.admission.back_off import BackOff
from core.admission.identifiers import check_identifier
from core.errors import BadInput, NotFound
from core.licenses.tables import LICENSE_KEY
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import shown

FIELDS: Final = ("license", "installation", "meter")


class Decision(StrEnum):
    """ADMITTED: it took a place now. KNOWN: it has one. BACK_OFF: there is none for it."""

    ADMITTED = "ADMITTED"
    KNOWN = "KNOWN"
    BACK_OFF = "BACK_OFF"


@dataclass(frozen=True, slots=True)
class CheckIn:
    """What is answered. `quota` and `remaining` are None where the contract sets no quota.

    With `outage` the database is away, and the installation passes since it had a place in the last window:
    nothing was recorded, and how many places are left is not known.
    """

    decision: Decision
    quota: int | None = None
    remaining: int | None = None
    back_off: BackOff | None = None
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """An installation that calls home, and the id of the key that it calls with."""

    license: str
    meter: str
    identifier: str
    caller: str


class NoQuota(BadInput):
    """A meter that admits nobody: it is of another kind."""

    code = "NO_QUOTA"


class QuotaMeters:
    """The meters of admission that are installed, and the checks of whoever asks one of them for a place."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.meters: Final = {key: one for key, one in registry.meters.items() if isinstance(one, Admission)}
        # Plugins of our own are loaded first, so that a partner's meter does not become what is meant.
        ordered = [meter.key for plugin in registry.plugins for meter in plugin.meters if meter.key in self.meters]
        self.default: Final = ordered[0] if ordered else None

    def check(self, caller: Caller, given: Mapping[str, object]) -> Asked:
        """Who asks for what. Raises an error of :mod:`core.errors` for what cannot be asked, or not by this caller."""
        caller.require(Scope.CHECK_IN_WRITE)
        for name in given:
            if name not in FIELDS:
                raise BadInput(f"There is no field {shown(name)}.{did_you_mean(name, FIELDS)}")
        license, meter = given.get("license"), given.get("meter")
        if not isinstance(license, str):
            raise BadInput("`license` must be a text: the license's key.")
        caller.require(Scope.CHECK_IN_WRITE, license=license)
        if not LICENSE_KEY.fullmatch(license):
            raise unknown_license(license)
        identifier = check_identifier(given.get("installation"))
        return Asked(license, self.named(meter).key, identifier, caller.key_id)

    def named(self, meter: object) -> Admission:
        """The meter of that key, or our own where none is named. Raises :class:`NoQuota`, and `NotFound`."""
        if meter is None:
            if self.default is None:
                raise NoQuota("No meter with a hard quota is installed.")
            return self.meters[self.default]
        if not isinstance(meter, str):
            raise BadInput("`meter` must be a text: the key of a meter with a hard quota.")
        if meter in self.meters:
            return self.meters[meter]
        if meter in self._registry.meters:
            known = ", ".join(self.meters) or "none is installed"
            raise NoQuota(f"The meter {shown(meter)} has no hard quota to check in for. With one: {known}.")
        raise NotFound(f"No meter {shown(meter)}.{did_you_mean(meter, self.meters)}")


def unknown_license(key: str) -> NotFound:
    """The error for a license that does not exist, for callers who may know."""
    return NotFound(f"No license {shown(key)}. An operator puts it before its installations check in.")
