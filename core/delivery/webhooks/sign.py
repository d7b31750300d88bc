"""Signing as the Standard Webhooks specification says: https://www.standardwebhooks.com, version 1.0.0."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from standardwebhooks.webhooks import Webhook

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""Of randomness; the specification asks for 24 to 64."""
OVERLAP: Final = timedelta(hours=24)
"""How long an old secret signs beside the new one, unless somebody says otherwise."""
LONGEST_OVERLAP: Final = timedelta(days=30)
MOST_SECRETS: Final = 3
"""That sign at the same time. One more rotation ends the oldest."""

Secrets = Sequence[dict[str, str | None]]
"""Of an endpoint, the newest first: each a `secret`, and `until` when it signs."""


def new_secret() -> str:
    """A secret as receivers are given it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def rotated(old: Secrets, secret: str, overlap: timedelta, now: datetime) -> list[dict[str, str | None]]:
    """The secrets with a new one before them; the others sign for `overlap` at the most."""
    end = now + overlap
    kept = []
    for one in _in_force(old, now):
        until = min(datetime.fromisoformat(one["until"]), end) if one["until"] else end
        if until > now:
            kept.append({"secret": one["secret"], "until": until.isoformat()})
    return [{"secret": secret, "until": None}, *kept[: MOST_SECRETS - 1]]


def signed(message_id: str, body: str, endpoint_secrets: Secrets, now: datetime) -> dict[str, str]:
    """The headers of an attempt at `now`: a signature by each secret in force."""
    signatures = [
        Webhook(str(one["secret"])).sign(message_id, now, body) for one in _in_force(endpoint_secrets, now)
    ]  # fmt: skip
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _in_force(endpoint_secrets: Secrets, now: datetime) -> Secrets:
    return [one for one in endpoint_secrets if not one["until"] or datetime.fromisoformat(one["until"]) > now]
