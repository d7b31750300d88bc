"""A GraphQL request, whichever way it came."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

from core.errors import BadInput


class BadRequest(BadInput):
    """What was sent is not a GraphQL request."""

    code = "BAD_REQUEST"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked to be executed."""

    query: str
    variables: dict[str, Any]
    name: str | None


def request_of(parameters: Mapping[str, Any]) -> Request:
    """The request of decoded parameters. Raises :class:`BadRequest`."""
    query, variables, name = (parameters.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("`query` is missing: the text of a GraphQL operation.")
    if not isinstance(variables, (dict, NoneType)):
        raise BadRequest("`variables` must be a JSON object.")
    if not isinstance(name, (str, NoneType)):
        raise BadRequest("`operationName` must be a text.")
    if not isinstance(parameters.get("extensions"), (dict, NoneType)):
        raise BadRequest("`extensions` must be a JSON object.")
    return Request(query, variables or {}, name or None)
