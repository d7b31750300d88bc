"""Every error that a reader can meet is explained in plain words of the page's language, whatever its code."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from api.endpoints.pages import ELEMENTS, OPERATOR
from api.graphql.errors import INTERNAL, TIMED_OUT
from tests.api.pages.browser import visit
from tests.api.server import TRACE, Served

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.parametrize("library", ["sqlite"], indirect=True),
]
MESSAGE = "A message for developers."
PASSING = {"UNAVAILABLE", "OVERLOADED", "RATE_LIMITED", TIMED_OUT}
ROOT = Path(__file__).parents[3]


def every_code() -> list[str]:
    """The codes of all errors of the API, but for that which signs out."""
    said = re.compile(r'(?:^    code(?:: ClassVar\[str\])? = |InputProblem\(|\bcode=)"([A-Z_]+)"', re.MULTILINE)
    files = [file for room in ("core", "api") for file in (ROOT / room).rglob("*.py")]
    codes = {code for file in files for code in said.findall(file.read_text())} | {INTERNAL, TIMED_OUT}
    assert {"NOT_FOUND", "OVERLOADED", "TOO_COSTLY", "TOO_MANY_REQUESTS", "UNKNOWN_METER"} <= codes
    return sorted(codes - {"UNAUTHENTICATED"})


def sentences(page: Path, language: str) -> dict[str, str]:
    """The sentences of a page in a language, by code or by name, from its source."""
    text = (page / "source" / "src" / "texts" / f"{language}.ts").read_text()
    return dict(re.findall(r"^ +([A-Z_]+|busy|failed|brokenDown|notAccepted): '(.+)',$", text, re.MULTILINE))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_explains_each_code(chromium: Browser, library: Served, language: str) -> None:
    words = sentences(ELEMENTS.parent, language)
    code = ""

    def refuse(route: Route) -> None:
        if "mutation Refresh" not in (route.request.post_data or ""):
            return route.fallback()
        error = {"message": MESSAGE, "extensions": {"code": code, "trace": TRACE}}
        return route.fulfill(json={"data": None, "errors": [error]})

    with visit(chromium, library.url) as seen:
        seen.page.route("**/graphql?*", refuse)
        token = library.token("consumption:read", license="acme")
        seen.page.goto(f"{library.url}/consumption?lang={language}#token={token}")
        refresh = seen.page.get_by_role("button", name={"en": "Refresh", "fr": "Actualiser"}[language])
        said = seen.page.locator("allowance-consumption .said")
        for code in every_code():
            refresh.click(timeout=30_000)
            sentence = words.get(code, words["busy" if code in PASSING else "failed"])
            expect(said).to_have_text(re.compile(rf"^{re.escape(sentence)} [^.]+: {TRACE}$"))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_operators_page_explains_each_code(chromium: Browser, library: Served, language: str) -> None:
    words = sentences(OPERATOR.parent, language)
    code = ""

    def refuse(route: Route) -> None:
        if "query Licenses" not in (route.request.post_data or ""):
            return route.fallback()
        error = {"message": MESSAGE, "extensions": {"code": code, "trace": TRACE}}
        return route.fulfill(json={"data": None, "errors": [error]})

    with visit(chromium, library.url) as seen:
        seen.page.route("**/graphql?*", refuse)
        code = "FIRST"
        seen.page.goto(f"{library.url}/operator?lang={language}#token={library.token()}")
        message = seen.page.locator(".message")
        again = message.get_by_role("button")
        for code in every_code():
            again.click(timeout=30_000)
            sentence = words.get(code, words["busy" if code in PASSING else "brokenDown"])
            expect(message.locator("p").first).to_have_text(sentence)
            expect(message.locator("p").nth(1)).to_contain_text(TRACE)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_refused_request_for_credits_is_explained(chromium: Browser, library: Served, language: str) -> None:
    words = sentences(ELEMENTS.parent, language)
    code = ""

    def refuse(route: Route) -> None:
        if "mutation RequestCredits" not in (route.request.post_data or ""):
            return route.fallback()
        error = {"code": code, "message": MESSAGE}
        return route.fulfill(json={"data": {"requestCredits": {"errors": [error]}}})

    with visit(chromium, library.url) as seen:
        seen.page.route("**/graphql?*", refuse)
        token = library.token("consumption:read", license="acme")
        seen.page.goto(f"{library.url}/consumption?lang={language}#token={token}")
        form = seen.page.locator("allowance-consumption .card[part~=credits] form")
        for code in ("TOO_MANY_REQUESTS", "BAD_INPUT"):
            form.locator("[name=amount]").fill("5", timeout=30_000)
            form.get_by_role("button").click()
            expect(form.get_by_role("status")).to_have_text(words[code])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_server_that_is_away_from_the_start_is_explained(chromium: Browser, library: Served, language: str) -> None:
    words = sentences(ELEMENTS.parent, language)
    with visit(chromium, library.url) as seen:
        seen.page.route_web_socket("**/graphql?*", lambda socket: socket.close())
        seen.page.route("**/graphql?*", lambda route: route.abort())
        token = library.token("consumption:read", license="acme")
        seen.page.goto(f"{library.url}/consumption?lang={language}#token={token}")
        expect(seen.page.locator(".message p").first).to_have_text(words["busy"])
        expect(seen.page.get_by_role("button", name={"en": "Try again", "fr": "Réessayer"}[language])).to_be_visible()
        seen.page.unroute("**/graphql?*")  # it connects again by itself
        expect(seen.page.locator("allowance-consumption .name p")).to_contain_text("Acme Retail", timeout=30_000)
