"""Periods of time in the schema."""

from datetime import datetime

import strawberry


@strawberry.type(description="A period of time. The start is part of the period, the end is not.")
class Period:
    start: datetime = strawberry.field(description="The first instant of the period.")
    end: datetime = strawberry.field(description="The first instant after the period.")
