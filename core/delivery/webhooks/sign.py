"""Signatures and their secrets, as Standard Webhooks 1.0.0 defines them: https://www.standardwebhooks.com."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from standardwebhooks.webhooks import Webhook

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""Bytes of randomness. The specification demands 24 to 64."""
OVERLAP: Final = timedelta(hours=24)
"""The default time for which an old secret signs beside a new one."""
LONGEST_OVERLAP: Final = timedelta(days=30)
MOST_SECRETS: Final = 3
"""The largest number of secrets that sign at the same time. One more rotation ends the oldest."""

StoredSecrets: TypeAlias = Sequence[Mapping[str, str | None]]
"""The secrets of an endpoint as JSON stores them, newest first."""


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret that signs until an instant, or as long as it is the newest if `until` is None."""

    secret: str
    until: datetime | None

    def to_document(self) -> dict[str, str | None]:
        """Return the secret as JSON stores it."""
        return {"secret": self.secret, "until": None if self.until is None else self.until.isoformat()}


def new_secret() -> str:
    """Return a new secret as receivers get it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def read_secrets(stored: StoredSecrets) -> list[SigningSecret]:
    """Return the secrets of an endpoint, newest first."""
    return [
        SigningSecret(str(document["secret"]), datetime.fromisoformat(document["until"]) if document["until"] else None)
        for document in stored
    ]


def rotate_secrets(
    stored: StoredSecrets, secret: str, overlap: timedelta, now: datetime
) -> list[dict[str, str | None]]:
    """Return the secrets to store with a new one before them. The others sign for `overlap` at the most."""
    end = now + overlap
    earlier = [replace(one, until=min(one.until or end, end)) for one in _in_force(stored, now)] if end > now else []
    return [one.to_document() for one in [SigningSecret(secret, None), *earlier[: MOST_SECRETS - 1]]]


def signature_headers(message_id: str, body: str, stored: StoredSecrets, now: datetime) -> dict[str, str]:
    """Return the headers of an attempt at `now`, with a signature by each secret in force."""
    signatures = [Webhook(one.secret).sign(message_id, now, body) for one in _in_force(stored, now)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _in_force(stored: StoredSecrets, now: datetime) -> list[SigningSecret]:
    return [one for one in read_secrets(stored) if one.until is None or one.until > now]
