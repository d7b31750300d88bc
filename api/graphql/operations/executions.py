"""The execution of operations in threads: bounded for each key, and fair between keys."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

from api.concurrency.deadline import Deadline
from api.concurrency.turns import Turns
from api.graphql.limits.budget import CostBudget
from api.graphql.operations.execute import OperationCall
from api.graphql.operations.request import Request
from api.graphql.operations.run import OperationResult, Operations
from core.access.keys import Caller
from core.languages.negotiation import Languages
from core.settings import Settings

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

COSTLY: Final = 3_000
"""The cost from which on an operation takes one of the few threads for costly operations."""
THREADS: Final = 16
COSTLY_THREADS: Final = 2
"""Only one thread at a time runs Python: more costly operations at once would be no faster, and delay all others."""
DOCUMENT_THREADS: Final = 2
"""Threads that parse and validate documents, one for each key: that is work for the processor alone, so that more
threads would only delay all others."""
SUBSCRIPTION_THREADS: Final = 4
"""Threads for the answers to subscriptions: a change that many subscribe to leaves the other threads to requests."""


class Executions:
    """The operations of one process that run in threads."""

    def __init__(self, operations: Operations, settings: Settings) -> None:
        """Execute operations within the limits that the settings state for a key."""
        per_key = settings.graphql_at_once_per_key
        self._operations = operations
        self._budget = CostBudget(settings.graphql_cost_per_second, settings.graphql_max_cost)
        self._quick = Turns(THREADS, "operations", per_key=per_key)
        self._documents = Turns(DOCUMENT_THREADS, "documents", per_key=1)
        self._costly = Turns(COSTLY_THREADS, "costly", per_key=1, is_long=True)
        self._answers = Turns(SUBSCRIPTION_THREADS, "subscriptions", per_key=2, most_waiting=None, is_long=True)

    async def prepare(
        self, caller: Caller, read: Callable[[], Request], languages: Languages, *, small: bool
    ) -> OperationCall:
        """Return the operation of a request. A known document needs no thread if the request is small.

        Args:
            caller: The caller.
            read: Returns the request, from the bytes that were sent.
            languages: The languages of the answer.
            small: Whether the request may be read on the event loop.

        Raises:
            api.graphql.operations.prepare.DocumentRefused: The document is not valid.
            core.errors.RateLimited: The document is new, and the key has used up its budget.
            core.errors.AllowanceError: The request is wrong, or passes a limit.
        """
        if not small:
            return await self._prepare(caller, read, languages)
        request = read()
        known = self._operations.recall(request, languages, caller)
        if known is not None:
            return known
        return await self._prepare(caller, lambda: request, languages)

    async def run(self, call: OperationCall, caller: Caller, trace: str, finish: Callable[[OperationResult], T]) -> T:
        """Execute a query or mutation, and return what `finish` makes of its result in the same thread.

        A query ends soon after its caller is cancelled. Work that did not begin by then never begins.

        Raises:
            core.errors.RateLimited: The key has too little of its budget left, or too much work that waits.
            api.graphql.limits.limits.TooCostly: The operation costs more than any may.
        """
        cost, deadline = call.cost, Deadline()
        reservation = self._budget.reserve(caller.account, cost)
        lane = self._costly if cost >= COSTLY else self._quick

        def work() -> T:
            return finish(self._operations.run(call, caller, trace, deadline))

        try:
            return await lane.run(caller.account, work, charge=reservation.settle)
        finally:
            deadline.cancel()
            if not deadline.has_begun:
                reservation.settle(None)

    async def answer(
        self, call: OperationCall, caller: Caller, trace: str, changed: int | None = None
    ) -> OperationResult:
        """Execute a subscription once, when it is its turn and its key owes nothing.

        Args:
            call: The subscription.
            caller: The caller.
            trace: The id of the trace.
            changed: The id of the license that a subscription to all licenses sends; None for another subscription.

        Raises:
            api.graphql.limits.limits.TooCostly: The operation costs more than any may.
        """
        cost, deadline = call.cost, Deadline()
        while debt := self._budget.seconds_in_debt(caller.account):
            await asyncio.sleep(debt)
        lane = self._costly if cost >= COSTLY else self._answers
        try:
            return await lane.run(
                caller.account,
                self._operations.run,
                *(call, caller, trace, deadline, changed),
                charge=partial(self._budget.charge, caller.account),
            )
        finally:
            deadline.cancel()

    def with_throttle_status(self, answer: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Return an answer that states the budget of the caller's key beside the cost, if it states its cost."""
        if "extensions" not in answer:
            return answer
        cost = {**answer["extensions"]["cost"], "throttleStatus": self._budget.status(caller.account)}
        return {**answer, "extensions": {"cost": cost}}

    async def read(self, caller: Caller, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """Return the result of a short read for a caller, done in a thread when it is the key's turn."""
        return await self._quick.run(caller.account, work, *arguments)

    async def _prepare(self, caller: Caller, read: Callable[[], Request], languages: Languages) -> OperationCall:
        """Return the operation of a request, read and prepared in a thread at the expense of the caller's key."""
        self._budget.require_no_debt(caller.account)

        def work() -> OperationCall:
            return self._operations.prepare(read(), languages, caller)

        return await self._documents.run(caller.account, work, charge=partial(self._budget.charge, caller.account))
