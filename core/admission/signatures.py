"""Signed identifiers: whoever sets installations up signs their identifiers with the license's secret.

So a key for check-ins, which customers hold, makes up no installations. The signature is an HMAC by SHA-256
in base64url, which every language and `openssl` have. A JSON Web Signature was weighed: its header names the algorithm,
which an attacker may choose, and it would repeat the identifier.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.admission.check_in import CheckInRequest
from core.errors import AllowanceError

PREFIX: Final = "alwc_"
"""The beginning of a secret, by which scanners of secrets find it."""


class BadSignature(AllowanceError):
    """An installation that needs a place is not signed, or not by a secret of its license that is in force."""

    code = "BAD_SIGNATURE"
    status = 403


@dataclass(frozen=True, slots=True)
class SigningRules:
    """The secrets that sign the installations of a license, and whether each installation must be signed.

    `previous` is the secret before the last rotation, in force until `previous_until`; both are None without one.
    """

    secret: str
    previous: str | None
    previous_until: datetime | None
    required: bool

    def in_force(self, now: datetime) -> list[str]:
        """Return the secrets whose signatures are accepted."""
        if self.previous is None or self.previous_until is None or self.previous_until <= now:
            return [self.secret]
        return [self.secret, self.previous]

    def require(self, request: CheckInRequest, now: datetime) -> bool:
        """Return whether the installation is signed; False if it sent no signature and needs none.

        Raises:
            BadSignature: The signature is missing and required, or is not one of this license, meter and identifier.
        """
        if request.signature is None:
            if self.required:
                raise BadSignature("Installations of this license must be signed. Send the `signature` of this one.")
            return False
        given = request.signature.rstrip("=").encode("utf-8", "surrogatepass")
        for secret in self.in_force(now):
            expected = sign(secret, request.license, request.meter, request.identifier)
            if hmac.compare_digest(expected.encode(), given):
                return True
        raise BadSignature(
            "`signature` is not one of this installation. Sign the license, the meter and the identifier with the "
            "license's secret."
        )


def new_secret() -> str:
    """Return a new secret as the platform gets it."""
    return PREFIX + secrets.token_urlsafe(32)


def sign(secret: str, license: str, meter: str, identifier: str) -> str:
    """Return the signature of an installation.

    The signed text has a line for each of the license's key, the meter's key and the identifier. Keys hold no line
    breaks, so no two installations have the same text.
    """
    text = f"{license}\n{meter}\n{identifier}".encode("utf-8", "surrogatepass")
    return urlsafe_b64encode(hmac.digest(secret.encode(), text, "sha256")).rstrip(b"=").decode()
