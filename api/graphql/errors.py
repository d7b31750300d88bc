"""The form of errors in GraphQL answers."""

import logging
from typing import Any, Final

from graphql import GraphQLError

from core.database.engine import is_away, is_cut_off
from core.errors import AllowanceError, Unavailable

logger = logging.getLogger(__name__)

INTERNAL: Final = "INTERNAL"
TIMED_OUT: Final = "TIMED_OUT"


def coded(message: str, code: str, trace: str, retry_after: int | None = None) -> dict[str, Any]:
    """Return an error with its code, the id of its trace, and the seconds to wait before another attempt, if known."""
    wait = {} if retry_after is None else {"retryAfter": retry_after}
    return {"message": message, "extensions": {"code": code, "trace": trace, **wait}}


def refusal(error: AllowanceError, trace: str) -> dict[str, Any]:
    """Return an expected error."""
    return coded(error.message, error.code, trace, error.retry_after)


def present_error(error: GraphQLError, trace: str) -> dict[str, Any]:
    """Return the error as a caller gets it: with a code and the id of its trace, and without internals."""
    shown = error.formatted
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, AllowanceError):
        return {**shown, **refusal(cause, trace)}
    # What has a place in the document and no path was refused before any resolver ran.
    if cause is None or (error.path is None and error.nodes):
        code = (error.extensions or {}).get("code", "BAD_INPUT")
        return {**shown, **coded(error.message, code, trace)}
    if is_cut_off(cause):
        message = "The database took longer than is allowed. Ask for less, or for shorter pages."
        return {**shown, **coded(message, TIMED_OUT, trace)}
    if is_away(cause):  # the log has a line for the whole outage
        logger.debug("GraphQL field %s failed, trace %s: the database is away", error.path, trace)
        message = f"The database does not answer now; try again. If it lasts, quote trace {trace} to the operator."
        return {**shown, **coded(message, Unavailable.code, trace, Unavailable.retry_after)}
    logger.error("GraphQL field %s failed, trace %s", error.path, trace, exc_info=cause)
    return {**shown, **coded(something_failed(trace), INTERNAL, trace)}


def something_failed(trace: str) -> str:
    """Return the message of an internal error."""
    return f"Something failed on our side. Quote trace {trace} to the operator."
