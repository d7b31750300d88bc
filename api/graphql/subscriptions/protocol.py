"""The messages and close codes of the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

import orjson

from api.graphql.subscriptions.connections import ConnectionEnded, EndReason

PROTOCOL: Final = "graphql-transport-ws"


class CloseCode(IntEnum):
    """The codes with which connections are closed: those of the protocol, and below 4000 those of RFC 6455."""

    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429


class InitLanguages(NamedTuple):
    """The languages that a client states in its greeting: a tag by name, or the languages that it accepts."""

    lang: str | None
    accept_language: str | None


class Close(Exception):
    """The end of a connection, with a code and a reason for its client."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        """Close the connection; a reason that is too long for a close frame (RFC 6455, section 5.5) is cut."""
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode("utf-8", "replace")[:120].decode("utf-8", "ignore")


def close_for(error: BaseException) -> Close:
    """Return the close that tells a client of an error that ends its connection."""
    if isinstance(error, Close):
        return error
    if isinstance(error, ConnectionEnded) and error.reason not in (EndReason.REVOKED, EndReason.EXPIRED):
        return Close(CloseCode.SERVICE_RESTART, error.reason.value)
    if isinstance(error, ConnectionEnded):
        return Close(CloseCode.FORBIDDEN, error.reason.value)
    return Close(CloseCode.TRY_AGAIN_LATER, str(error))


def read_message(text: str | None) -> dict[str, Any]:
    """Return the message of a text, an object with a type.

    Args:
        text: The text; None for a binary frame.

    Raises:
        Close: It is not a message of the protocol.
    """
    if text is None:
        raise Close(CloseCode.BAD_REQUEST, "Messages must be texts")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Close(CloseCode.BAD_REQUEST, "Messages must be JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Close(CloseCode.BAD_REQUEST, "Messages must be objects with a type")
    return message


def operation_id(message: Mapping[str, Any]) -> str:
    """Return the id of the operation that a message is about. Raises :class:`Close`."""
    id = message.get("id")
    if not isinstance(id, str) or not id:
        raise Close(CloseCode.BAD_REQUEST, "The id must be a text that is not empty")
    return id


def operation_payload(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request of a subscribe message. Raises :class:`Close`."""
    payload = message.get("payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str | None):
        raise Close(CloseCode.BAD_REQUEST, "The payload of subscribe must be an object, and its query a text")
    return payload


def init_token(message: Mapping[str, Any], default: str | None) -> str | None:
    """Return the Authorization in the payload of connection_init, else that of the handshake. Raises :class:`Close`."""
    return _init_text(message, "Authorization", default)


def init_languages(message: Mapping[str, Any], accept_language: str | None) -> InitLanguages:
    """Return the languages that the payload of connection_init states, else the header of the handshake.

    Raises:
        Close: One of them is not a text.
    """
    return InitLanguages(_init_text(message, "lang"), _init_text(message, "Accept-Language", accept_language))


def _init_text(message: Mapping[str, Any], name: str, default: str | None = None) -> str | None:
    """Return a text in the payload of connection_init by its name in any case, else the default."""
    payload = message.get("payload")
    if not isinstance(payload, dict | None):
        raise Close(CloseCode.BAD_REQUEST, "The payload of connection_init must be an object")
    found = [value for key, value in (payload or {}).items() if key.lower() == name.lower()]
    text = found[0] if found else default
    if not isinstance(text, str | None):
        raise Close(CloseCode.BAD_REQUEST, f"{name} must be a text")
    return text
