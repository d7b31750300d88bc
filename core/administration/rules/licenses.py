"""Rules for licenses."""

import re
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from core.addresses.mail_address import BadAddress, address_of
from core.administration.inputs import LicenseInput
from core.administration.rules.problems import Problems
from core.left_out import LEFT_OUT
from core.licenses.contact import Contact
from core.licenses.tables import LICENSE_KEY, LONGEST_NAME
from core.nearest import did_you_mean
from core.text import problem_with, shown

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_URL: Final = re.compile(r"https?://[^\s/]\S*")
_LONGEST_URL: Final = 2000
MOST_ADMINS: Final = 100
"""The default of the setting `max_admins`."""


@cache  # it reads a thousand files
def time_zones() -> frozenset[str]:
    """Return the names of the zones that a license may have.

    ``localtime``, ``Factory`` and ``posixrules`` are files of the database of zones, and no zones.
    """
    return frozenset(available_timezones() - {"localtime", "Factory", "posixrules"})


def check_license(license: LicenseInput, most_admins: int = MOST_ADMINS) -> None:
    """Raise :class:`InvalidInput` with every problem of a license, if there are any. Fields left out have none."""
    problems = Problems()
    if not LICENSE_KEY.fullmatch(license.key):
        problems.add(
            f"key {shown(license.key)} must begin with a letter or digit and hold only letters, digits, '.', '_' "
            "and '-', 100 at most.",
            "key",
        )
    if license.name is None:
        problems.add("name cannot be null; leave it out to keep it.", "name")
    elif license.name is not LEFT_OUT:
        problems.text(license.name, LONGEST_NAME, "name")
    zone = license.time_zone
    if isinstance(zone, str) and zone not in time_zones():
        near = did_you_mean(zone, time_zones())
        problems.add(f"timeZone {shown(zone)} is not an IANA time zone.{near}", "timeZone")
    seen = set()
    admins = () if license.admins is LEFT_OUT else license.admins or ()
    if len(admins) > most_admins:
        problems.add(
            f"admins must be {most_admins} at most, not {len(admins)}; an operator can raise ALLOWANCE_MAX_ADMINS.",
            "admins",
            code="TOO_MANY_ADMINS",
        )
    for index, admin in enumerate(admins[:most_admins]):
        if not _is_email(admin.email):
            problems.add(f"email {shown(admin.email)} is not an e-mail address.", "admins", index, "email")
        elif admin.email in seen:
            problems.add(f"email {shown(admin.email)} is there twice.", "admins", index, "email")
        seen.add(admin.email)
        if isinstance(admin.name, str):
            problems.text(admin.name, 200, "admins", index, "name")
        if isinstance(admin.language, str):
            problems.language(admin.language, "admins", index, "language")
    if isinstance(license.contact, Contact):
        _check_contact(license.contact, problems)
    problems.raise_if_any()


def _check_contact(contact: Contact, problems: Problems) -> None:
    problems.text(contact.name, LONGEST_NAME, "contact", "name")
    email, url = contact.email, contact.url
    if email is not None and not _is_email(email):
        problems.add(f"email {shown(email)} is not an e-mail address.", "contact", "email")
    if url is not None and (problem_with(url, _LONGEST_URL) or not _URL.fullmatch(url)):
        problems.add(f"url {shown(url)} must begin with https:// or http://, without spaces.", "contact", "url")


def _is_email(email: str) -> bool:
    return not problem_with(email, 254) and bool(_EMAIL.fullmatch(email)) and _is_writable(email)


def _is_writable(email: str) -> bool:
    """Return whether an address can be written into a mail's header."""
    try:
        address_of(email)
    except BadAddress:
        return False
    return True
