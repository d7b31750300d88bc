"""Opaque texts that encode a few values: cursors and global ids."""

import base64
import binascii

import orjson


def encode(*values: str | int | None) -> str:
    """Return the values as an opaque text, safe in URLs."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def decode(text: str) -> list[object] | None:
    """Return the values of an opaque text, None if it is not one. The values may be of any caller's making."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(values, list) or not all(type(value) in (str, int) for value in values):
        return None
    # PostgreSQL refuses to compare a text with a null character. No key contains one.
    return values if not any("\0" in str(value) for value in values) else None
