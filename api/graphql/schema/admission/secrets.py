"""The signing of installations in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.results import InputError, errors_field
from core.administration.sign_check_ins import MOST_OVERLAP_DAYS, OVERLAP_DAYS
from core.admission.tables import CheckInSecret


@strawberry.type(description="The rules for signatures of a license's installations. Secrets are never shown here.")
class CheckInSignatures:
    required: bool = strawberry.field(
        description="True if an installation needs a signature to take a place. A signature that is sent must be right "
        "in any case."
    )
    secret_made_at: datetime = strawberry.field(description="The time at which the present secret was made.")
    previous_until: datetime | None = strawberry.field(
        description="The time until which signatures by the secret before it are accepted. Null if there is none."
    )

    @classmethod
    def of(cls, row: CheckInSecret) -> "CheckInSignatures":
        """Return the rules that a row holds."""
        return cls(required=row.required, secret_made_at=row.made_at, previous_until=row.previous_until)


@strawberry.input(description="A license that gets its first or a new secret for signing installations.")
class RotateCheckInSecretInput:
    license: str = strawberry.field(description="The key of the license.")
    overlap_days: int = strawberry.field(
        default=OVERLAP_DAYS,
        description="The number of days for which signatures by the present secret are accepted as well, from 0 to "
        f"{MOST_OVERLAP_DAYS}. 0 ends that secret at once.",
    )


@strawberry.type(description="The result of `rotateCheckInSecret`.")
class RotateCheckInSecretResult:
    secret: str | None = strawberry.field(
        default=None, description="The new secret. It is shown only once. Null if there are errors."
    )
    signatures: CheckInSignatures | None = strawberry.field(
        default=None, description="The rules for signatures. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.input(description="Whether installations of a license must be signed to take a place.")
class RequireSignaturesInput:
    license: str = strawberry.field(description="The key of the license, which has a secret.")
    required: bool = strawberry.field(description="True to give places to signed installations alone.")


@strawberry.type(description="The result of `requireSignatures`.")
class RequireSignaturesResult:
    signatures: CheckInSignatures | None = strawberry.field(
        default=None, description="The rules for signatures. Null if there are errors."
    )
    errors: list[InputError] = errors_field()
