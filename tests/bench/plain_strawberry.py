"""The yardstick of GraphQL in Python: Strawberry's own Starlette application on objects in memory.

Its documents are parsed and validated once. Reads the answer to be given as JSON from stdin.
"""

import json
import socket
import sys
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig


@strawberry.type
class Meter:
    key: str
    title: str
    unit: str


@strawberry.type
class Share:
    dimension: str
    key: str
    label: str
    used: float


@strawberry.type
class Problem:
    message: str
    since: str


@strawberry.type
class Reading:
    meter: Meter
    status: str
    used: float | None
    limit: float | None
    remaining: float | None
    utilization: float | None
    limit_basis: str | None
    freshness: str
    breakdown: list[Share]
    problem: Problem | None


@strawberry.type
class Section:
    key: str
    title: str
    status: str
    updated_at: str | None
    next_update_at: str | None
    consumption_since: str | None
    readings: list[Reading]


@strawberry.type
class Consumption:
    status: str
    updated_at: str | None
    sections: list[Section]


def main(data: Any) -> None:
    consumption = _consumption(data["consumption"])

    @strawberry.type
    class Query:
        @strawberry.field
        def consumption(self, license: str | None = None) -> Consumption:
            return consumption

    schema = strawberry.Schema(Query, config=StrawberryConfig(), extensions=[ParserCache, ValidationCache])
    app = Starlette()
    app.add_route("/graphql", GraphQL(schema))  # type: ignore[arg-type]  # it takes applications too
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


def _consumption(found: Any) -> Consumption:
    return Consumption(
        status=found["status"],
        updated_at=found["updatedAt"],
        sections=[_section(one) for one in found["sections"]],
    )


def _section(found: Any) -> Section:
    return Section(
        key=found["key"],
        title=found["title"],
        status=found["status"],
        updated_at=found["updatedAt"],
        next_update_at=found["nextUpdateAt"],
        consumption_since=found["consumptionSince"],
        readings=[_reading(one) for one in found["readings"]],
    )


def _reading(found: Any) -> Reading:
    problem = found["problem"]
    return Reading(
        meter=Meter(**found["meter"]),
        status=found["status"],
        used=found["used"],
        limit=found["limit"],
        remaining=found["remaining"],
        utilization=found["utilization"],
        limit_basis=found["limitBasis"],
        freshness=found["freshness"],
        breakdown=[Share(**share) for share in found["breakdown"]],
        problem=Problem(**problem) if problem else None,
    )


if __name__ == "__main__":
    main(json.load(sys.stdin))
