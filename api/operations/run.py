"""Operations run for a caller, over HTTP and over whatever stays open."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.context import Context
from api.operations.execute import Asked, execute
from api.operations.prepare import prepare
from api.operations.request import Request
from core.access.keys import Caller
from core.runtime import Runtime
from core.work.broker import Announcer


@dataclass(frozen=True, slots=True)
class Executed:
    """An answer, with the versions of the licenses that it shows.

    It stays as it is while they do, until `good_until` in seconds since 1970; 0 where it shows something else too.
    """

    answer: dict[str, Any]
    versions: Mapping[int, int]
    good_until: float


def asked_by(request: Request) -> Asked:
    """What a request asks for.

    Raises :class:`api.operations.prepare.DocumentRefused` and :class:`api.operations.prepare.BadOperation`.
    """
    prepared = prepare(request.query)
    return Asked(prepared, prepared.operation(request.name), request.variables)


class Operations:
    """Runs operations, each in the calling thread and with sessions of its own."""

    def __init__(self, runtime: Runtime, announcer: Announcer) -> None:
        self._runtime = runtime
        self._announcer = announcer

    def run(self, asked: Asked, caller: Caller) -> Executed:
        """Execute it; of a subscription, what it answers now."""
        name = asked.operation.definition.name
        context = Context(self._runtime, self._announcer, caller, datetime.now(UTC), name.value if name else None)
        try:
            answer = execute(asked, context)
        finally:
            context.close()
        lasting = context.lasting and "errors" not in answer
        return Executed(answer, context.versions, context.good_until.timestamp() if lasting else 0)
