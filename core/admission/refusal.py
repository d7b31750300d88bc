"""The refusal of check-ins, of known installations too, while a license may not be used."""

from datetime import date

from core.licenses.load import LoadedLicense


def refusal_on(license: LoadedLicense, day: date) -> str | None:
    """Return why a license refuses every check-in on a day, in words for the installation; None if it does not."""
    if license.suspension:
        return f"The license is suspended: {license.suspension.reason}"
    return "No contract of the license is in force." if license.version_on(day) is None else None
