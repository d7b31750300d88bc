"""The stored outlooks of licenses: read and written for any number of licenses in one statement each."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.dialect import is_postgresql
from core.forecast.documents import MeterOutlook, OutlookDocument, decode_outlook
from core.forecast.tables import StoredOutlooks

# The outlooks of other meters stay. A document is an array, so that json_patch replaces it as a whole.
_WRITE: Final = {
    "postgresql": """
INSERT INTO outlooks AS kept (license_id, stamps, outlooks)
SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[])
ON CONFLICT (license_id) DO UPDATE
SET stamps = CAST(CAST(kept.stamps AS jsonb) || CAST(excluded.stamps AS jsonb) AS text),
    outlooks = CAST(CAST(kept.outlooks AS jsonb) || CAST(excluded.outlooks AS jsonb) AS text)
""",
    "sqlite": """
INSERT INTO outlooks AS kept (license_id, stamps, outlooks) VALUES (?, ?, ?)
ON CONFLICT (license_id) DO UPDATE
SET stamps = json_patch(kept.stamps, excluded.stamps), outlooks = json_patch(kept.outlooks, excluded.outlooks)
""",
}


class NewOutlook(NamedTuple):
    """A document to store, with the stamp of what it was made from."""

    stamp: str
    document: OutlookDocument


def load_stamps(session: Session, licenses: Collection[int]) -> dict[int, Mapping[str, str]]:
    """Load the stamps of stored outlooks, by license id and meter."""
    license_id = col(StoredOutlooks.license_id)
    rows = session.execute(sa.select(license_id, col(StoredOutlooks.stamps)).where(license_id.in_(licenses)))
    return {row.license_id: row.stamps for row in rows}


def load_outlooks(session: Session, licenses: Collection[int]) -> dict[int, dict[str, MeterOutlook]]:
    """Load the stored outlooks, by license id and meter."""
    license_id = col(StoredOutlooks.license_id)
    rows = session.execute(sa.select(license_id, col(StoredOutlooks.outlooks)).where(license_id.in_(licenses)))
    return {
        license_id: {meter: decode_outlook(document) for meter, document in documents.items()}
        for license_id, documents in rows
    }


def save_outlooks(session: Session, outlooks: Mapping[int, Mapping[str, NewOutlook]]) -> None:
    """Store outlooks by license id and meter; those of other meters stay."""
    rows = [
        (license_id, _json({meter: new.stamp for meter, new in of_license.items()}), _json(documents))
        for license_id, of_license in sorted(outlooks.items())
        if (documents := {meter: new.document for meter, new in of_license.items()})
    ]
    if not rows:
        return
    if is_postgresql(session):
        columns: Any = tuple(list(column) for column in zip(*rows, strict=True))
        session.connection().exec_driver_sql(_WRITE["postgresql"], columns)
    else:
        session.connection().exec_driver_sql(_WRITE["sqlite"], rows)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
