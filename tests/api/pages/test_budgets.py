"""How long people wait for the first section over a slow connection, and how much they load."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.api.pages.browser import visit
from tests.api.server import Served

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.parametrize("library", ["sqlite"], indirect=True),
]
LATENCY, SPEED = 400, 50
"""Slow 3G as WebPageTest has it: 400 ms for each request, and 50 bytes in a millisecond (400 kbit/s)."""
SLOW_3G = {
    "offline": False,
    "latency": LATENCY,
    "downloadThroughput": SPEED * 1000,
    "uploadThroughput": SPEED * 1000,
}
LONGEST = 1_500
"""Of the two seconds in which the first section is to be there, what the connection may take."""
WATCH = "addEventListener('allowance-status', () => { window.shownAfter ??= performance.now(); });"
LOADED = """() => performance.getEntries().filter(({ transferSize }) => transferSize)
    .map(({ name, startTime, responseEnd, transferSize }) => [name, startTime, responseEnd, transferSize])"""


def test_the_first_section_is_there_within_two_seconds_on_slow_3g(
    chromium: Browser, library: Served, record_property: Callable[[str, object], None]
) -> None:
    """What the connection costs is counted; what this machine adds depends on what else it does, and is reported."""
    with visit(chromium, library.url) as seen:
        seen.page.add_init_script(WATCH)
        session = seen.context.new_cdp_session(seen.page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_3G)
        seen.page.goto(f"{library.url}/consumption#token={library.token('consumption:read', license='acme')}")
        seen.page.locator(".card[part~=section]").first.wait_for(timeout=30_000)
        shown: float = seen.page.evaluate("window.shownAfter")
        loaded = [each for each in seen.page.evaluate(LOADED) if each[2] <= shown]
    # By HTTP, before the socket is open, and once: what the page asked for is what the element takes.
    assert [each[0] for each in loaded].count(f"{library.url}/graphql?lang=en") == 1
    waits, known = 0, 0.0
    while later := [ended for _, began, ended, _ in loaded if began >= known]:
        waits, known = waits + 1, min(later)
    assert waits == 2  # the page; then the element, its words and the figures
    size = sum(each[3] for each in loaded)
    record_property("first section", f"after {shown:.0f} ms; {waits} waits for the server, and {size} bytes")
    assert waits * LATENCY + size / SPEED <= LONGEST


def test_the_page_asks_for_few_files(chromium: Browser, library: Served) -> None:
    with visit(chromium, library.url) as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url.removeprefix(library.url).partition("#")[0]))
        seen.page.goto(f"{library.url}/consumption#token={library.token('consumption:read', license='acme')}")
        seen.page.locator(".card[part~=alerts]").wait_for(timeout=30_000)
        files = [path for path in asked if path.startswith(("/consumption", "/elements"))]
        assert len(files) == 3  # the page with its style and script, the element, and its words
        assert sum(path.startswith("/graphql") for path in asked) <= 4
        assert len(asked) - len(files) <= 5  # the first figures, what is around, months, who asks
