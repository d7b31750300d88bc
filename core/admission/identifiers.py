"""Identifiers of installations, and their keyed digests, by which installations are stored."""

import secrets
from hashlib import blake2b
from typing import Final

from allowance.text import UNSTORABLE

from core.errors import BadInput
from core.licenses.quota_terms import Identifiers, QuotaTerms

MAX_LENGTH: Final = 200
"""Characters of an identifier."""
_DIGEST_BYTES: Final = 16


def check_identifier(identifier: object) -> str:
    """Return the identifier. Raises :class:`BadInput` unless it is a text of 1 to 200 characters, of any kind."""
    if not isinstance(identifier, str):
        raise BadInput("`installation` must be a text.")
    if not 0 < len(identifier) <= MAX_LENGTH:
        raise BadInput(f"`installation` must have 1 to {MAX_LENGTH} characters, not {len(identifier)}.")
    return identifier


def new_secret() -> bytes:
    """Return a key for digests. Each register has its own: digests of two licenses cannot be compared."""
    return secrets.token_bytes(32)


def digest(identifier: str, secret: bytes) -> bytes:
    """Return the keyed digest of an identifier."""
    return blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES, key=secret).digest()


def stored_identifier(identifier: str, terms: QuotaTerms) -> str | None:
    """Return the identifier to store beside its digest, or None.

    Nothing is stored if the contract wants only digests, or if no database can store the text.
    """
    return None if terms.identifiers == Identifiers.HASHED or UNSTORABLE.search(identifier) else identifier
