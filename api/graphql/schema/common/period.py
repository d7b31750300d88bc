"""A stretch of time."""

from datetime import datetime

import strawberry


@strawberry.type(description="A stretch of time, from its start up to but not including its end.")
class Period:
    start: datetime = strawberry.field(description="The first instant.")
    end: datetime = strawberry.field(description="The first instant after it.")
