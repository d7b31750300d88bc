"""The installed meters with a hard quota, and the check of requests to them."""

from collections.abc import Mapping
from typing import Final

from allowance import Admission

from core.access.keys import Caller, Scope
from core.admission.check_in import CheckInRequest, unknown_license
from core.admission.identifiers import check_identifier
from core.errors import BadInput, NotFound
from core.licenses.tables import LICENSE_KEY
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import shown

FIELDS: Final = ("license", "installation", "meter", "signature")


class NoQuota(BadInput):
    """The named meter has no hard quota."""

    code = "NO_QUOTA"


class QuotaMeters:
    """The installed meters with a hard quota, by their keys."""

    def __init__(self, registry: Registry) -> None:
        """Find the meters with a hard quota among the installed ones."""
        self._registry = registry
        self.meters: Final = {key: meter for key, meter in registry.meters.items() if isinstance(meter, Admission)}
        # Built-in plugins are loaded first, so a partner's meter never becomes the default.
        ordered = [meter.key for plugin in registry.plugins for meter in plugin.meters if meter.key in self.meters]
        self.default: Final = ordered[0] if ordered else None

    def check(self, caller: Caller, fields: Mapping[str, object]) -> CheckInRequest:
        """Return the request of a caller.

        Args:
            caller: The API key that the request was sent with.
            fields: The request as it came: `license`, `installation`, and optionally `meter` and `signature`.

        Raises:
            core.errors.AllowanceError: A field is unknown or wrong, or the caller may not check in for the license.
        """
        caller.require(Scope.CHECK_IN_WRITE)
        for name in fields:
            if name not in FIELDS:
                raise BadInput(f"There is no field {shown(name)}.{did_you_mean(name, FIELDS)}")
        license, meter, signature = fields.get("license"), fields.get("meter"), fields.get("signature")
        if not isinstance(license, str):
            raise BadInput("`license` must be a text: the license's key.")
        caller.require(Scope.CHECK_IN_WRITE, license=license)
        if not LICENSE_KEY.fullmatch(license):
            raise unknown_license(license)
        identifier = check_identifier(fields.get("installation"))
        if not (signature is None or isinstance(signature, str)):
            raise BadInput("`signature` must be a text.")
        return CheckInRequest(license, self.find(meter).key, identifier, caller.key_id, signature)

    def find(self, key: object) -> Admission:
        """Return the meter with a key, or the default meter for None.

        Raises:
            NoQuota: The meter has no hard quota, or none with a hard quota is installed.
            NotFound: There is no such meter.
        """
        if key is None:
            if self.default is None:
                raise NoQuota("No meter with a hard quota is installed.")
            return self.meters[self.default]
        if not isinstance(key, str):
            raise BadInput("`meter` must be a text: the key of a meter with a hard quota.")
        if key in self.meters:
            return self.meters[key]
        if key in self._registry.meters:
            known = ", ".join(self.meters) or "none is installed"
            raise NoQuota(f"The meter {shown(key)} has no hard quota to check in for. With one: {known}.")
        raise NotFound(f"No meter {shown(key)}.{did_you_mean(key, self.meters)}")
