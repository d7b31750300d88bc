"""What an error looks like in a GraphQL answer."""

from typing import Any

from core.errors import AllowanceError


def coded(message: str, code: str, trace: str, retry_after: int | None = None) -> dict[str, Any]:
    """An error with its code and the id of its trace, and where it is known when to try again."""
    wait = {} if retry_after is None else {"retryAfter": retry_after}
    return {"message": message, "extensions": {"code": code, "trace": trace, **wait}}


def refusal(error: AllowanceError, trace: str) -> dict[str, Any]:
    """An expected error."""
    return coded(error.message, error.code, trace, error.retry_after)
