"""Connections of the Relay specification: pages of edges with cursors.

Each connection is a subclass of :class:`Connection` with its own name and description. Strawberry would otherwise give
all specializations of a generic type the same description, and would derive their names from their items.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

import strawberry

Item = TypeVar("Item")
Row = TypeVar("Row")


@strawberry.type(description="The position of a page in its connection (Relay).")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="True if there are more items after this page. Always true for a page before a cursor."
    )
    has_previous_page: bool = strawberry.field(
        description="True if there are more items before this page. Always true for a page after a cursor."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first item of this page. Null if the page is empty. Pass it as `before` to get "
        "the previous page of a connection that has this argument."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last item of this page. Pass it as `after` to get the next page. Null if the "
        "page is empty."
    )


@strawberry.type(description="An item of a connection, with its cursor.")
class Edge(Generic[Item]):
    cursor: str = strawberry.field(
        description="The cursor of the item. Pass it as `after` to get the items that follow."
    )
    node: Item = strawberry.field(description="The item.")


@strawberry.type
class Connection(Generic[Item]):
    edges: list[Edge[Item]] = strawberry.field(description="The items of this page.")
    page_info: PageInfo = strawberry.field(description="The position of this page in the connection.")

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

    @classmethod
    def last_page(
        cls,
        rows: Sequence[Row],
        size: int,
        before: str | None,
        *,
        cursor: Callable[[Row], str],
        node: Callable[[Row], Item],
    ) -> Self:
        """Return a page of the connection that ends with the last row.

        Args:
            rows: The last rows before the cursor, in order. More than `size` rows mean that there is a previous page.
            size: The most edges of the page.
            before: The cursor that the caller named, or None for the last page.
            cursor: Makes the cursor of a row.
            node: Wraps a row in its type of the schema.
        """
        edges = [Edge(cursor=cursor(row), node=node(row)) for row in rows[-size:]]
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=before is not None,
                has_previous_page=len(rows) > size,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )
