"""Enums of licenses and contracts, registered as types of the schema."""

from enum import StrEnum

from api.graphql.schema.common.enums import describe_enum
from core.consumption.list_licenses import LicenseOrder
from core.licenses.billing import CALENDAR_YEAR, CONTRACT_DATE
from core.licenses.quota_terms import Identifiers, OnOutage
from core.licenses.state import LicenseState


class PeriodAnchor(StrEnum):
    """The anchor of billing periods."""

    CONTRACT_DATE = CONTRACT_DATE
    CALENDAR_YEAR = CALENDAR_YEAR


describe_enum(
    PeriodAnchor,
    "The anchor from which billing periods are counted.",
    CONTRACT_DATE="Billing periods are counted from `startsOn`.",
    CALENDAR_YEAR="Billing periods are counted from 1 January of the year of `startsOn`.",
)
describe_enum(
    OnOutage,
    "The behaviour of check-ins while the database is unavailable.",
    REFUSE="Every check-in gets the error UNAVAILABLE.",
    LET_THROUGH="An installation that had a place in the last window passes, with `outage: true`. Every other "
    "check-in gets the error UNAVAILABLE.",
)


describe_enum(
    Identifiers,
    "The form in which identifiers of installations are stored.",
    name="IdentifierStorage",
    PLAIN="The identifier is stored in plain text, together with a keyed digest.",
    HASHED="Only a keyed digest of the identifier is stored.",
)
describe_enum(
    LicenseOrder,
    "The order of licenses.",
    WORST_FIRST="By status from worst to best, then by key.",
    KEY="By key.",
    NAME="By name in alphabetical order, without regard to case and accents, then by key.",
    UTILIZATION="By the utilization of the consumption from high to low, then by key. Licenses without a limit come "
    "last. Check-ins count from the next refresh.",
    UPDATED="By the update time of the consumption, the least recent first, then by key. Licenses that were never "
    "updated come first.",
)

describe_enum(
    LicenseState,
    "The state of a license today.",
    ACTIVE="A contract is in force.",
    SUSPENDED="An operator suspended the license, whatever its contract. Usage is still counted. Installations that "
    "check in are refused.",
    NO_CONTRACT="No contract is in force: the first has not begun, or the last has ended. Nothing is limited or "
    "unlimited. Installations that check in are refused.",
)

__all__ = ["Identifiers", "LicenseOrder", "LicenseState", "OnOutage", "PeriodAnchor"]
