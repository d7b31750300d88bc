"""Arguments that many fields have."""

from typing import Annotated, TypeAlias

import strawberry

OwnLicense: TypeAlias = Annotated[
    str | None, strawberry.argument(description="The license's key; left out, the key's own license.")
]


After: TypeAlias = Annotated[str | None, strawberry.argument(description="The cursor to go on after.")]
