"""Access to the license that a field names."""

from api.graphql.context import Context
from core.access.keys import Caller, Scope
from core.errors import BadInput
from core.licenses.find import find_license, no_license
from core.licenses.tables import License


def accessible_key(caller: Caller, key: str | None, *scopes: Scope) -> str:
    """Return the key of a license that the caller may access with one of the scopes.

    Args:
        caller: The caller of the operation.
        key: The key that the caller named; None stands for the license of the caller's own key.
        scopes: The scopes, any of which gives access.

    Raises:
        BadInput: No license was named, and the caller's key is for all licenses.
        core.errors.Forbidden: The caller has none of the scopes, or no access to this license. The error is the same
            whether the license exists or not.
    """
    caller.require(*scopes)
    key = key if key is not None else caller.license
    if key is None:
        raise BadInput("This key is for all licenses: name one with `license`.")
    caller.require(*scopes, license=key)
    return key


def accessible_license(context: Context, key: str | None, *scopes: Scope) -> License:
    """Return the license that the caller may access with one of the scopes.

    Raises:
        core.errors.NotFound: No license has that key. For the other errors see :func:`accessible_key`.
    """
    key = accessible_key(context.caller, key, *scopes)
    license = find_license(context.session, key)
    if license is None:
        raise no_license(context.session, key)
    return license
