"""The reference from a part of a license back to the license.

The type License refers to its consumption, alerts and requests, and these refer back to it. `schema.licenses` imports
their modules. The reference back is only in this module, which imports the license when it is first used.
"""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

from api.graphql.license_batch import LicenseBatch

if TYPE_CHECKING:
    from api.graphql.schema.licenses.license import License


LazyLicense: TypeAlias = Annotated["License", strawberry.lazy("api.graphql.schema.licenses.license")]


def lazy_license(batch: LicenseBatch, license_id: int) -> "License":
    """Return one license of the batch as a type of the schema."""
    from api.graphql.schema.licenses.license import License  # noqa: PLC0415

    return License(loaded=batch.licenses[license_id], batch=batch)
