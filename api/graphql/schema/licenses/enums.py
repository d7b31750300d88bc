"""Enums of licenses and contracts, registered as types of the schema."""

from enum import StrEnum

from api.graphql.schema.common.enums import describe_enum
from core.consumption.list_licenses import LicenseOrder
from core.licenses.billing import CALENDAR_YEAR, CONTRACT_DATE
from core.licenses.quota_terms import Identifiers, OnOutage


class PeriodAnchor(StrEnum):
    """The anchors of billing periods."""

    CONTRACT_DATE = CONTRACT_DATE
    CALENDAR_YEAR = CALENDAR_YEAR


describe_enum(
    PeriodAnchor,
    "What billing periods run from.",
    CONTRACT_DATE="From `startsOn`.",
    CALENDAR_YEAR="From 1 January of the year of `startsOn`.",
)
describe_enum(
    OnOutage,
    "What installations are told while the database is away.",
    REFUSE="That it is away.",
    LET_THROUGH="The same; but one that had a place in the last window passes, and is told so.",
)


describe_enum(
    Identifiers,
    "What is kept of an installation's identifier.",
    name="IdentifierStorage",
    PLAIN="The identifier, beside its keyed digest.",
    HASHED="A keyed digest alone.",
)
describe_enum(
    LicenseOrder,
    "The order of licenses.",
    WORST_FIRST="By status, the worst first, then by key.",
    KEY="By key.",
)

__all__ = ["Identifiers", "LicenseOrder", "OnOutage", "PeriodAnchor"]
