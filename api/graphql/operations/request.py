"""GraphQL requests over HTTP, by the GraphQL-over-HTTP specification: their parameters and media types."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from types import NoneType
from typing import Any, ClassVar, Final, TypeVar

import orjson
from starlette.datastructures import QueryParams

from core.errors import BadInput

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"
EVENT_STREAM: Final = "text/event-stream"
_NEVER: Final = re.compile(r"\s*q\s*=\s*0(\.0{0,3})?\s*", re.IGNORECASE)
"""A weight of 0, which means "not acceptable" (RFC 9110, section 12.4.2)."""
_SHA256: Final = "sha256:"
_LONGEST_CACHED: Final = 200
"""Characters of a header that is cached; those of clients are shorter."""
T = TypeVar("T")


class BadRequest(BadInput):
    """A request that is not a GraphQL request."""

    code = "BAD_REQUEST"


class MethodNotAllowed(BadInput):
    """A method that is not GET or POST, or a mutation by GET."""

    code = "METHOD_NOT_ALLOWED"
    status: ClassVar[int] = 405


class UnsupportedMediaType(BadInput):
    """A body with another content type than JSON."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status: ClassVar[int] = 415


class NotAcceptable(BadInput):
    """An Accept header that allows none of the media types of answers."""

    code = "NOT_ACCEPTABLE"
    status: ClassVar[int] = 406


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of a request: a document by its text, its digest or both, an operation of it, and variables.

    `is_own` is True for a document of the server itself, which needs no place in an operator's list.
    """

    query: str | None
    digest: str | None
    variables: dict[str, Any]
    name: str | None
    is_own: bool = False


def accepted_by(accept: str | None) -> set[str]:
    """Return the media types that an ``Accept`` header names and does not rule out."""
    parts = (part.split(";") for part in (accept or "*/*").split(","))
    return {kind.strip().lower() for kind, *parameters in parts if not any(map(_NEVER.fullmatch, parameters))}


def _cached(read: Callable[[str | None], T]) -> Callable[[str | None], T]:
    """Cache a function of a header for a thousand short values, since anybody may send headers."""
    cached = lru_cache(1000)(read)

    @wraps(read)
    def look(text: str | None) -> T:
        return cached(text) if text is None or len(text) <= _LONGEST_CACHED else read(text)

    return look


@_cached
def media_type(accept: str | None) -> str:
    """Return the media type of the answer; JSON, which every client can read, if the client has no preference.

    Raises:
        NotAcceptable: The client accepts none of the media types of answers.
    """
    accepted = accepted_by(accept)
    if GRAPHQL_JSON in accepted:
        return GRAPHQL_JSON
    if accepted & {JSON, "application/*", "*/*"}:
        return JSON
    if EVENT_STREAM in accepted:
        return EVENT_STREAM
    raise NotAcceptable(f"Accept {GRAPHQL_JSON} or {JSON}.")


@_cached
def require_json(content_type: str | None) -> None:
    """Raise :class:`UnsupportedMediaType` unless a body is JSON in UTF-8."""
    kind, _, parameter = (content_type or "").partition(";")
    if kind.strip().lower() != JSON or parameter.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
        raise UnsupportedMediaType(f"Send the request as {JSON} in UTF-8.")


def from_url(query: bytes) -> Request:
    """Return the request of a GET, by the query of its URL. Raises :class:`BadRequest`."""
    parameters: dict[str, Any] = dict(QueryParams(query))
    for name in ("variables", "extensions"):
        parameters[name] = _json(parameters[name].encode("utf-8", "replace")) if parameters.get(name) else None
    return request_of(parameters)


def from_body(text: bytes) -> Request:
    """Return the request of a POST, by its body. Raises :class:`BadRequest`."""
    body = _json(text)
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object with `query`; one operation at a time.")
    return request_of(body)


def request_of(parameters: Mapping[str, Any]) -> Request:
    """Return the request of the members of a JSON object. Raises :class:`BadRequest`."""
    query, variables, name = (parameters.get(key) for key in ("query", "variables", "operationName"))
    digest = _digest(parameters)
    if not (digest and query is None) and (not isinstance(query, str) or not query.strip()):
        raise BadRequest("`query` is missing: the text of a GraphQL operation.")
    if not isinstance(variables, (dict, NoneType)):
        raise BadRequest("`variables` must be a JSON object.")
    _require_shallow(variables)
    if not isinstance(name, (str, NoneType)):
        raise BadRequest("`operationName` must be a text.")
    return Request(query, digest, variables or {}, name or None)


def _digest(parameters: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 that names the document, from `documentId` or the extension of Apollo; None if missing."""
    extensions, named = parameters.get("extensions"), parameters.get("documentId")
    if not isinstance(extensions, (dict, NoneType)):
        raise BadRequest("`extensions` must be a JSON object.")
    if named is not None:
        if not isinstance(named, str) or not named.startswith(_SHA256):
            raise BadRequest(f"`documentId` must be {_SHA256} and the digest of the document in hexadecimal digits.")
        return named.removeprefix(_SHA256)
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) and persisted.get("version") == 1 else None
    if not isinstance(digest, str):
        raise BadRequest("`extensions.persistedQuery` must be of version 1, with `sha256Hash`.")
    return digest


def _require_shallow(variables: object) -> None:
    """Raise :class:`BadRequest` for values that are nested so deeply that they can be parsed but not written."""
    try:
        orjson.dumps(variables)
    except orjson.JSONEncodeError:
        raise BadRequest("`variables` are nested too deeply.") from None


def _json(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequest("What was sent is not JSON, or is nested too deeply.") from None
