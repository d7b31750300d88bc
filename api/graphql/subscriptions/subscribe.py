"""The answers to a subscription: one at once, and one for each change of its license, or of any license."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import orjson

from api.concurrency.futures import SharedTasks
from api.graphql.context import AllLicenses
from api.graphql.operations.execute import OperationCall
from api.graphql.operations.executions import Executions
from api.graphql.operations.run import OperationResult
from core.access.keys import Caller
from core.consumption.changed_licenses import PAUSE, ChangedLicenses
from core.consumption.changes import Changes
from core.errors import Unavailable

RETRY: Final = 1.0
"""Seconds between two attempts while the database is away."""


class SubscriptionRefused(Exception):
    """The errors of a subscription's first answer, each with a code."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        """Refuse a subscription."""
        super().__init__("refused")
        self.errors = errors


class Subscriptions:
    """The subscriptions of one process.

    A subscription holds nothing but the version that it showed last. A slow client skips answers, and gets the newest
    one.
    """

    def __init__(self, executions: Executions, changes: Changes, licenses: ChangedLicenses) -> None:
        """Execute subscriptions as operations, once for each of the changes."""
        self._executions = executions
        self._changes = changes
        self._licenses = licenses
        self._running = SharedTasks[OperationResult]()

    async def answers(self, call: OperationCall, caller: Caller, trace: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answers, without an end.

        Raises:
            SubscriptionRefused: The first answer shows no license.
        """
        result = await self._run(call, caller, trace)
        if result.follows:
            async with aclosing(self._of_all_licenses(result.follows, call, caller, trace)) as answers:
                async for answer in answers:
                    yield answer
        if not result.versions:
            raise SubscriptionRefused(result.answer["errors"])
        # A subscription has one field, and that is of one license.
        license_id, version = next(iter(result.versions.items()))
        with self._changes.watch(license_id, version) as watch:
            yield self._executions.with_throttle_status(result.answer, caller)
            while True:
                await watch.changed.wait()
                watch.changed.clear()
                result = await self._run(call, caller, trace)
                if _is_away(result):
                    watch.changed.set()
                    await asyncio.sleep(RETRY)
                elif (version := result.versions.get(license_id, watch.newest)) != watch.seen:
                    watch.seen = version
                    yield self._executions.with_throttle_status(result.answer, caller)

    async def _of_all_licenses(
        self, follows: AllLicenses, call: OperationCall, caller: Caller, trace: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the license that changed last, and each license that changes. Without any license wait for one."""
        async with self._licenses.watch(follows.statuses) as watch:
            result = await self._run(call, caller, trace)
            if result.answer.get("data"):
                yield self._executions.with_throttle_status(result.answer, caller)
            while True:
                license_id = await watch.take()
                result = await self._run(call, caller, trace, license_id)
                if _is_away(result):
                    watch.put_back(license_id)
                    await asyncio.sleep(RETRY)
                else:
                    yield self._executions.with_throttle_status(result.answer, caller)
                    await asyncio.sleep(PAUSE)

    async def _run(
        self, call: OperationCall, caller: Caller, trace: str, changed: int | None = None
    ) -> OperationResult:
        """Execute a subscription in a thread; equal ones of an audience and language at the same time run once.

        Subscriptions show no viewer, so that all sessions of a key for a license share their answers.

        An execution that began before a change may show the version before it; the caller compares versions, and
        executes it again.
        """
        variables = orjson.dumps(call.variables, option=orjson.OPT_SORT_KEYS)
        key = caller.audience, changed, call.languages, id(call.operation), variables
        return await self._running.join(key, lambda: self._executions.answer(call, caller, trace, changed))


def _is_away(result: OperationResult) -> bool:
    errors = result.answer.get("errors", ())
    return any(error["extensions"]["code"] == Unavailable.code for error in errors)
