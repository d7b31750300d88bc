"""Arguments that many fields have."""

from typing import Annotated, TypeAlias

import strawberry

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
