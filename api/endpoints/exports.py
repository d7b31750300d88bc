"""``GET /exports/KIND``: rows of a kind in several formats, for one license or for all."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.concurrency.turns import Turns
from api.http.asgi import address_of, header
from api.http.callers import find_caller
from core.access.authenticator import Authenticator
from core.access.keys import READERS, Caller
from core.access.keys import Scope as Permission
from core.database.engine import Database
from core.errors import BadInput, RateLimited
from core.exports.formats import ExportFormat, Writer, open_writer
from core.exports.pages import read_page
from core.exports.query import ExportQuery, check_query
from core.exports.rows import COLUMNS, Place
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import shown
from core.times import parse_day

THREADS: Final = 2
MOST_PARQUET: Final = 8
"""Exports as Parquet at once, of all keys: each holds a row group until it is full, also while its client waits."""
_PARAMETERS: Final = ("license", "from", "to", "format", "after")
_SECONDS: Final = 10
"""Seconds after which a caller with too many exports may try again."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The bytes that a page added to an export, and the place behind its rows; None if there are no more."""

    body: bytes
    after: Place | None


class ExportsEndpoint:
    """The endpoint of exports. A slow client holds neither a thread nor a transaction: it is sent page by page."""

    def __init__(self, authenticator: Authenticator, database: Database, registry: Registry, per_key: int) -> None:
        """Export what a database holds.

        Args:
            authenticator: Finds callers by their tokens.
            database: The database.
            registry: The installed meters.
            per_key: The most exports of a key at once.
        """
        self._authenticator = authenticator
        self._database = database
        self._registry = registry
        self._per_key = per_key
        self._running: Counter[str] = Counter()
        self._parquet = 0
        self._turns = Turns(THREADS, "exports", per_key=1, is_long=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        caller = await self._find_caller(scope)
        query, format = _read_parameters(scope["path_params"]["kind"], QueryParams(scope["query_string"]))
        if query.license is None:
            caller.require_all_licenses(Permission.OPERATE)
        else:
            caller.require(*READERS, license=query.license)
        with self._one_more(caller.account), self._one_more_file(format):
            # Read before the answer begins, so that an error still becomes an answer of its own.
            writer = open_writer(format, COLUMNS[query.kind], adds=query.after is not None)
            first = await self._turns.run(caller.account, self._read, query, writer, query.after)
            name = f"{query.kind}.{format}"
            headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
            parts = self._parts(scope, query, writer, first)
            with suppress(ClientDisconnect):
                await StreamingResponse(parts, 200, headers, format.media_type)(scope, receive, send)

    async def _find_caller(self, scope: Scope) -> Caller:
        return await find_caller(self._authenticator, header(scope, b"authorization"), address_of(scope))

    @contextmanager
    def _one_more(self, account: str) -> Iterator[None]:
        """Count an export of an account. Raises :class:`RateLimited` if it has too many."""
        if self._running[account] >= self._per_key:
            raise RateLimited(f"A key may have {self._per_key} exports at once.", _SECONDS)
        self._running[account] += 1
        try:
            yield
        finally:
            self._running[account] -= 1
            if not self._running[account]:
                del self._running[account]

    @contextmanager
    def _one_more_file(self, format: ExportFormat) -> Iterator[None]:
        """Count an export as Parquet. Raises :class:`RateLimited` if there are too many."""
        if format.has_lines:
            yield
            return
        if self._parquet >= MOST_PARQUET:
            raise RateLimited(f"{MOST_PARQUET} exports as Parquet are under way. Try again, or export CSV.", _SECONDS)
        self._parquet += 1
        try:
            yield
        finally:
            self._parquet -= 1

    async def _parts(self, scope: Scope, query: ExportQuery, writer: Writer, part: _Part) -> AsyncIterator[bytes]:
        while True:
            if part.body:
                yield part.body
            if part.after is None:
                return
            caller = await self._find_caller(scope)  # whose key may have been revoked since
            part = await self._turns.run(caller.account, self._read, query, writer, part.after)

    def _read(self, query: ExportQuery, writer: Writer, after: Place | None) -> _Part:
        with self._database.read() as session:
            page = read_page(session, query, after, self._registry, datetime.now(UTC))
        begin = writer.header() if after is query.after else b""
        rows = writer.rows(page.rows)
        return _Part(begin + rows + (writer.end() if page.after is None else b""), page.after)


def _read_parameters(kind: str, query: QueryParams) -> tuple[ExportQuery, ExportFormat]:
    """Return what a URL asks for.

    Raises:
        BadInput: A parameter is unknown, stands twice or cannot be read.
        BadCursor: The cursor is not one of this export.
    """
    for name in query:
        if name not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            raise BadInput(f"No parameter {shown(name)}.{did_you_mean(name, _PARAMETERS)} Parameters are {known}.")
        if len(query.getlist(name)) > 1:
            raise BadInput(f"`{name}` stands several times. Name it once.")
    format = query.get("format", ExportFormat.CSV.value)
    if format not in list(ExportFormat):
        raise BadInput(f"No format {shown(format)}. Formats are {', '.join(ExportFormat)}.")
    asked = check_query(kind, query.get("license"), _day(query, "from"), _day(query, "to"), query.get("after"))
    return asked, ExportFormat(format)


def _day(query: QueryParams, name: str) -> date | None:
    text = query.get(name)
    return None if text is None else parse_day(text, f"`{name}`")
