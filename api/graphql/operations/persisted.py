"""Documents named by the SHA-256 of their text: automatic persisted queries, or trusted documents.

Automatic persisted queries are a protocol of Apollo: a client sends only the digest, and if the server does not know
it, sends it again with the text. Trusted documents are listed by an operator; then no other document is executed.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Final

import orjson

from api.graphql.shared_cache import SharedCache
from core.errors import AllowanceError, BadInput, BadSetting

MOST_BYTES: Final = 16 * 2**20
LONGEST: Final = 100_000
"""Characters of the longest document that is kept."""


class PersistedQueryNotFound(BadInput):
    """A digest of no known document. Clients of Apollo recognise the message, and then send the text as well."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    status: ClassVar[int] = 200

    def __init__(self) -> None:
        """Use the message that Apollo's protocol names."""
        super().__init__("PersistedQueryNotFound")


class BadDigest(BadInput):
    """A digest that does not belong to the text of the request."""

    code = "PERSISTED_QUERY_MISMATCH"


class NotTrusted(AllowanceError):
    """A document that is not in the operator's list of trusted documents."""

    code = "DOCUMENT_NOT_TRUSTED"
    status: ClassVar[int] = 403


class Documents:
    """The texts of documents by their digests. Thread-safe."""

    def __init__(self, trusted: Mapping[str, str] | None = None, share: int = MOST_BYTES) -> None:
        """Accept trusted documents only, by their digests, or every document if `trusted` is None.

        Args:
            trusted: The trusted documents.
            share: Bytes of the documents of one API key.
        """
        self._trusted = trusted
        self._kept: SharedCache[str, str] = SharedCache(MOST_BYTES, share, sys.getsizeof)
        self._lock = Lock()

    def text(self, query: str | None, digest: str | None, *, is_own: bool = False) -> str:
        """Return the text of the document that a request names by its text, its digest, or both.

        Args:
            query: The text.
            digest: The digest.
            is_own: The text is the server's own, which every list of trusted documents stands for.

        Raises:
            PersistedQueryNotFound: No known document has the digest.
            BadDigest: The digest does not belong to the text.
            NotTrusted: The document is not in the list of trusted documents.
        """
        if query is not None:
            own = digest_of(query)
            if digest not in (None, own):
                raise BadDigest("`sha256Hash` is not the SHA-256 of the query that came with it.")
            if self._trusted is not None and not is_own and own not in self._trusted:
                raise NotTrusted("This server executes only listed documents, and this one is not in its list.")
            return query
        if self._trusted is not None:
            listed = self._trusted.get(digest or "")
            if listed is None:
                raise NotTrusted("This server executes only listed documents, and none has that digest.")
            return listed
        with self._lock:
            text = self._kept.get(digest or "")
        if text is None:
            raise PersistedQueryNotFound
        return text

    def keep(self, text: str, digest: str | None, key_id: str) -> None:
        """Keep a valid document that came with its digest, so that later requests can name it by the digest.

        Args:
            text: The document.
            digest: The digest that it came with, or None.
            key_id: The id of the API key that sent it.
        """
        if digest is not None and self._trusted is None and len(text) <= LONGEST:
            with self._lock:
                self._kept.put(digest, text, key_id)


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def load_trusted(path: Path) -> dict[str, str]:
    """Return the documents of a file by their digests.

    Args:
        path: A file of JSON: an object of texts by any name, as Relay's compiler and GraphQL Code Generator write it,
            or the manifest of Apollo's clients.

    Raises:
        BadSetting: The file cannot be used.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise _unusable(path, "is not JSON") from None
    texts = _texts(content)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _unusable(path, "holds no documents: it must be an object of texts, or Apollo's manifest")
    return {digest_of(text): text for text in texts}


def _texts(content: Any) -> list[Any]:
    if not isinstance(content, dict):
        return []
    if isinstance(content.get("operations"), list):
        return [entry.get("body") if isinstance(entry, dict) else None for entry in content["operations"]]
    return list(content.values())


def _unusable(path: Path, problem: str) -> BadSetting:
    return BadSetting(f"ALLOWANCE_TRUSTED_DOCUMENTS: {path} {problem}. See docs/security.md.")
