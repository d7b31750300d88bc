"""Global ids of consumptions, sections and readings."""

import strawberry

from api.graphql.schema.common.cursors import encode
from core.consumption.view import ConsumptionView, ReadingView, SectionView


def view_id(kind: str, view: ConsumptionView | SectionView | ReadingView, *rest: str) -> strawberry.ID:
    """A past view's id names its day, so that it stays what it was."""
    day = [view.day.isoformat()] if view.day else []
    return strawberry.ID(encode(kind, view.license.license.key, *rest, *day))
