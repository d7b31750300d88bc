"""Entity tags, by which a client asks whether what it has is still the same (RFC 9110, section 8.8.3)."""

import hashlib


def weak_tag(content: bytes, variant: bytes = b"") -> bytes:
    """Return the weak tag of a content in one of its variants."""
    return b'W/"%s"' % hashlib.blake2b(content, digest_size=16, key=variant).hexdigest().encode()


def matches(tags: str | None, etag: bytes) -> bool:
    """Return whether a header `If-None-Match` names a tag; tags are compared weakly (RFC 9110, section 13.1.2)."""
    known = {tag.strip().removeprefix("W/") for tag in (tags or "").split(",")}
    return "*" in known or etag.decode().removeprefix("W/") in known
