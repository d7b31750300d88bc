"""``/report/LICENSE``: the contract report on paper. GET with a bearer token shows it; without one, a form asks for it.

A browser cannot add a header to a page that it opens, and a token in a URL would stand in logs. So the form posts the
token, and nothing keeps it. Everything shown comes from the GraphQL API, in one operation, with its access rules, costs
and turns.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from allowance import Meter
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from api.graphql.errors import INTERNAL
from api.graphql.operations.executions import Executions
from api.graphql.operations.prepare import DocumentRefused
from api.graphql.operations.request import Request
from api.graphql.operations.run import Operations
from api.http.asgi import address_of, header, while_connected
from api.http.bodies import forget_frames, read_whole_body
from api.http.callers import find_caller
from api.http.languages import page_languages
from api.http.tracing import trace_id
from api.report.query import ReportParameters, parameters_of, report_request
from api.report.render import render_problem, render_report, render_sign_in
from core.access.authenticator import Authenticator
from core.access.keys import Caller
from core.errors import AllowanceError, BadInput, Forbidden, NotFound, RateLimited, Unauthenticated, Unavailable
from core.languages.negotiation import Languages, content_language

_MOST_BYTES: Final = 4096
_EXPECTED: Final = (Forbidden, NotFound, RateLimited, Unavailable)
_STATUSES: Final[Mapping[str, int]] = {INTERNAL: 500} | {error.code: error.status for error in _EXPECTED}
"""The HTTP status of errors of the GraphQL API by their code; 400 for all others."""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language, Authorization",
    "X-Robots-Tag": "noindex",
}


class _NoReport(Exception):
    """An answer of the GraphQL API with an error, which says why there is no report."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        """Hold the error."""
        super().__init__("no report")
        self.message: str = error["message"]
        self.code: str = error["extensions"]["code"]
        self.status = _STATUSES.get(self.code, 400)


class ReportEndpoint:
    """The endpoint of the page of a contract report."""

    def __init__(
        self,
        authenticator: Authenticator,
        operations: Operations,
        executions: Executions,
        meters: Mapping[str, Meter],
    ) -> None:
        """Answer by operations of the GraphQL API.

        Args:
            authenticator: Finds callers by their tokens.
            operations: Knows the languages of answers, and how many operations a caller may ask for.
            executions: Executes the operations in threads.
            meters: The installed meters by key.
        """
        self._authenticator = authenticator
        self._operations = operations
        self._executions = executions
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        response = await self._respond(scope, receive)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        languages = page_languages(scope, self._operations.negotiator, None)
        try:
            authorization = await _authorization(scope, receive)
            if authorization is None:
                return _page(render_sign_in(languages, refused=False), languages, 401)
            caller = await find_caller(self._authenticator, authorization, address_of(scope))
            languages = page_languages(scope, self._operations.negotiator, caller.language)
            self._operations.admit(caller)
            page = self._report(scope, caller, languages)
            return _page(await while_connected(page, receive), languages, 200)
        except Unauthenticated as error:
            forget_frames(error)
            return _page(render_sign_in(languages, refused=True), languages, 401)
        except (AllowanceError, _NoReport) as error:
            forget_frames(error)
            return _page(render_problem(languages, error.code, error.message, trace_id(scope)), languages, error.status)

    async def _report(self, scope: Scope, caller: Caller, languages: Languages) -> str:
        parameters = parameters_of(scope["path_params"]["license"], QueryParams(scope["query_string"]))
        trace = trace_id(scope)
        license = await self._ask(report_request(parameters), caller, languages, trace)
        return await self._executions.read(caller, self._render, license, parameters, languages)

    async def _ask(self, request: Request, caller: Caller, languages: Languages, trace: str) -> dict[str, Any]:
        """Return the license that an operation answers.

        Raises:
            _NoReport: The API answers with an error.
            AllowanceError: The API refuses the operation.
        """
        try:
            call = await self._executions.prepare(caller, lambda: request, languages, small=True)
        except DocumentRefused as refused:
            raise BadInput(str(refused.errors[0])) from None
        answer = await self._executions.run(call, caller, trace, lambda result: result.answer)
        if errors := answer.get("errors"):
            raise _NoReport(errors[0])
        license: dict[str, Any] = answer["data"]["license"]
        return license

    def _render(self, license: dict[str, Any], parameters: ReportParameters, languages: Languages) -> str:
        return render_report(license, parameters, self._meters, languages)


async def _authorization(scope: Scope, receive: Receive) -> str | None:
    """Return the value of an Authorization header, or what the form posts in its place; None without either."""
    if scope["method"] != "POST":
        return header(scope, b"authorization")
    text = await read_whole_body(scope, receive, _MOST_BYTES)
    token = parse_qs(text.decode(errors="replace"), max_num_fields=10).get("token")
    return f"Bearer {token[0].strip()}" if token else None


def _page(text: str, languages: Languages, status: int) -> Response:
    return HTMLResponse(text, status, {**_HEADERS, "Content-Language": content_language(languages)})
