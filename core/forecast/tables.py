"""The table of outlooks."""

from typing import Any

from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json


class StoredOutlooks(SQLModel, table=True):
    """The outlooks of a license's meters, beside the snapshot, as few readers want them.

    `stamps` state of each meter what its outlook was made from, so that a refresh knows without reading it whether it
    is out of date. `outlooks` holds a document for each meter, see :mod:`core.forecast.documents`.
    """

    __tablename__ = "outlooks"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    stamps: dict[str, str] = Field(sa_type=Json)
    outlooks: dict[str, Any] = Field(sa_type=Json)
