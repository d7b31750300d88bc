"""Identifiers of installations, and the keyed digests by which they are kept."""

import secrets
from hashlib import blake2b
from typing import Final

from allowance.events import UNSTORABLE

from core.errors import BadInput
from core.licenses.quota_terms import Identifiers, QuotaTerms

LONGEST: Final = 200
"""Characters."""
_BYTES: Final = 16


def check_identifier(identifier: object) -> str:
    """The identifier. Raises :class:`core.errors.BadInput` unless it is a text of 1 to 200 characters, of any kind."""
    if not isinstance(identifier, str):
        raise BadInput("`installation` must be a text.")
    if not 0 < len(identifier) <= LONGEST:
        raise BadInput(f"`installation` must have 1 to {LONGEST} characters, not {len(identifier)}.")
    return identifier


def new_secret() -> bytes:
    """A key for digests. Each register has its own, so that nobody can tell that two licenses know the same one."""
    return secrets.token_bytes(32)


def digest(identifier: str, secret: bytes) -> bytes:
    """The keyed digest of an identifier."""
    return blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=_BYTES, key=secret).digest()


def kept_as(identifier: str, terms: QuotaTerms) -> str | None:
    """What is kept of an identifier beside its digest: nothing, too, where no database could keep it."""
    return None if terms.identifiers == Identifiers.HASHED or UNSTORABLE.search(identifier) else identifier
