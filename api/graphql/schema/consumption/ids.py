"""Global ids of consumptions, sections and readings."""

import strawberry

from api.graphql.opaque import encode
from core.consumption.view import ConsumptionView, ReadingView, SectionView


def view_id(kind: str, view: ConsumptionView | SectionView | ReadingView, *rest: str) -> strawberry.ID:
    """Return the global id of a consumption, section or reading.

    The id of a past view contains its day, so that the id keeps naming that day.

    Args:
        kind: The name of the type in the schema.
        view: The consumption, section or reading.
        rest: The further parts of the key, for example the key of the section.
    """
    day = [view.day.isoformat()] if view.day else []
    return strawberry.ID(encode(kind, view.license.license.key, *rest, *day))
