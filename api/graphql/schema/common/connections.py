"""Connections of the Relay specification: pages of edges with cursors.

Each connection is a subclass of :class:`Connection` with a name and description of its own, since Strawberry would
name and describe all specializations of a generic type alike.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

import strawberry

Item = TypeVar("Item")
Row = TypeVar("Row")


@strawberry.type(description="Where a page of a connection stands (Relay).")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether this page began after a cursor.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor; null on an empty page.")


@strawberry.type(description="An object and its place in the connection.")
class Edge(Generic[Item]):
    cursor: str = strawberry.field(description="To go on after it.")
    node: Item = strawberry.field(description="The object.")


@strawberry.type
class Connection(Generic[Item]):
    edges: list[Edge[Item]] = strawberry.field(description="The objects of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @classmethod
    def page(
        cls,
        rows: Sequence[Row],
        size: int,
        after: str | None,
        *,
        cursor: Callable[[Row], str],
        node: Callable[[Row], Item],
    ) -> Self:
        """Return a page of the connection.

        Args:
            rows: The rows after the cursor, in order. More than `size` rows mean that there is a next page.
            size: The most edges of the page.
            after: The cursor that the caller named, or None for the first page.
            cursor: Makes the cursor of a row.
            node: Wraps a row in its type of the schema.
        """
        edges = [Edge(cursor=cursor(row), node=node(row)) for row in rows[:size]]
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=len(rows) > size,
                has_previous_page=after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )
