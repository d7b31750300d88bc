"""Arguments that many fields have, and the fields of inputs that may be left out."""

from typing import Annotated, TypeAlias, TypeVar

import strawberry

from core.left_out import LEFT_OUT, LeftOut

T = TypeVar("T")

OwnLicense: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="The key of the license. The default is the license of the caller's own key. A key for all "
        "licenses must name a license."
    ),
]


After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="The `endCursor` of the previous page. The default is the first page.")
]

Before: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="The `startCursor` of a page, to get the page before it. The default is the end."),
]


def stated(value: T) -> T | LeftOut:
    """Return the value of an input's field, or LEFT_OUT if the request left the field out."""
    return LEFT_OUT if value is strawberry.UNSET else value
