"""The permissions of a caller in the schema."""

from enum import StrEnum

from api.graphql.schema.common.enums import describe_enum
from core.access.keys import Caller, Scope


class Permission(StrEnum):
    """Something that a front end can offer, or leave out."""

    READ = "READ"
    REFRESH = "REFRESH"
    REQUEST_CREDITS = "REQUEST_CREDITS"
    LIST_LICENSES = "LIST_LICENSES"
    WRITE_CONTRACT = "WRITE_CONTRACT"
    OPERATE = "OPERATE"


describe_enum(
    Permission,
    "Something that the caller may do, with its own license or with any license.",
    READ="Read contracts and consumption.",
    REFRESH="Request a refresh: `refreshConsumption`.",
    REQUEST_CREDITS="Request credits: `requestCredits`.",
    LIST_LICENSES="List all licenses: `licenses`.",
    WRITE_CONTRACT="Change licenses, contracts, grants, entities and counted usage, for example with `putContract`.",
    OPERATE="Do what an operator does: read webhook endpoints, repeat deliveries, and with a key for all licenses list "
    "open requests for credits and stuck deliveries.",
)

_OF_READERS = (Permission.READ, Permission.REFRESH, Permission.REQUEST_CREDITS)


def permissions_of(caller: Caller) -> list[Permission]:
    """Return what a caller may do, in the order of the enum, by the rules that the fields themselves apply."""
    return [
        *(_OF_READERS if caller.may_read else ()),
        *([Permission.LIST_LICENSES] if caller.may_read and caller.license is None else []),
        *([Permission.WRITE_CONTRACT] if Scope.CONTRACT_WRITE in caller.scopes else []),
        *([Permission.OPERATE] if Scope.OPERATE in caller.scopes else []),
    ]
