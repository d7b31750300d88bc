"""Documents named by the SHA-256 of their text instead of sent: automatically persisted, or trusted by a list.

Automatic persisted queries are what Apollo's clients speak: a client sends the digest alone, and where it is not known
sends it once more with the text. Trusted documents are those that an operator lists; then nothing else is executed.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Final

import orjson
from cachetools import LRUCache

from core.errors import AllowanceError, BadInput, BadSetting

MOST_BYTES: Final = 16 * 2**20
LONGEST: Final = 100_000
"""Characters of a document that is kept."""


class PersistedQueryNotFound(BadInput):
    """A digest that no known document has. Apollo's clients then send the text along, and go by the message."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    status: ClassVar[int] = 200

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class BadDigest(BadInput):
    """A digest that is not of the text that came with it."""

    code = "PERSISTED_QUERY_MISMATCH"


class NotTrusted(AllowanceError):
    """A document that is not in the operator's list."""

    code = "DOCUMENT_NOT_TRUSTED"
    status: ClassVar[int] = 403


class Documents:
    """The texts of documents by their digests. Thread-safe; what is not listed is bounded in bytes."""

    def __init__(self, trusted: Mapping[str, str] | None = None) -> None:
        self._trusted = trusted
        self._kept: LRUCache[str, str] = LRUCache(MOST_BYTES, len)
        self._lock = Lock()

    def text(self, query: str | None, digest: str | None) -> str:
        """The document that is asked for, by its text, its digest, or both.

        Raises :class:`PersistedQueryNotFound`, :class:`BadDigest` and :class:`NotTrusted`.
        """
        if query is not None:
            found = digest_of(query)
            if digest not in (None, found):
                raise BadDigest("`sha256Hash` is not the SHA-256 of the query that came with it.")
            if self._trusted is not None and found not in self._trusted:
                raise NotTrusted("This server executes listed documents alone, and this one is not in its list.")
            return query
        if self._trusted is not None:
            listed = self._trusted.get(digest or "")
            if listed is None:
                raise NotTrusted("This server executes listed documents alone, and none has that digest.")
            return listed
        with self._lock:
            kept = self._kept.get(digest or "")
        if kept is None:
            raise PersistedQueryNotFound
        return kept

    def keep(self, text: str, digest: str | None) -> None:
        """Keep a valid document that came with its digest, to be asked for by that."""
        if digest is not None and self._trusted is None and len(text) <= LONGEST:
            with self._lock:
                self._kept[digest] = text


def digest_of(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def load_trusted(path: Path) -> dict[str, str]:
    """The documents of a file by their digests.

    It is an object of texts by any name, as Relay's compiler and GraphQL Code Generator write it, or the manifest of
    Apollo's clients. Raises :class:`BadSetting`.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise _unusable(path, "is not JSON") from None
    texts = _texts(found)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _unusable(path, "holds no documents: it must be an object of texts, or Apollo's manifest")
    return {digest_of(text): text for text in texts}


def _texts(found: Any) -> list[Any]:
    if not isinstance(found, dict):
        return []
    if isinstance(found.get("operations"), list):
        return [one.get("body") if isinstance(one, dict) else None for one in found["operations"]]
    return list(found.values())


def _unusable(path: Path, problem: str) -> BadSetting:
    return BadSetting(f"ALLOWANCE_TRUSTED_DOCUMENTS: {path} {problem}. See docs/security.md.")
