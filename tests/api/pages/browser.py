"""A browser that reaches the server under test and no other host, and remembers what it complained about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.services.catalogue import find_chromium


@dataclass
class Visit:
    """A page of the browser, with the addresses that it asked, and its complaints."""

    page: Page
    context: BrowserContext
    hosts: set[str] = field(default_factory=set)
    sockets: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements that match, as people read them."""
        return [" ".join(text.split()) for text in self.page.locator(selector).all_inner_texts()]

    def text(self, selector: str) -> str:
        """The text of the first element that matches, once it is there."""
        return " ".join(self.page.locator(selector).first.inner_text().split())


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def visit(started: Browser, allowed: str, **options: Any) -> Iterator[Visit]:
    """A new page in a profile of its own, which can reach `allowed` alone and where nothing moves that need not."""
    context = started.new_context(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options})
    page = context.new_page()
    seen = Visit(page, context)

    def pass_or_refuse(route: Route) -> None:
        address = urlsplit(route.request.url)
        if address.scheme in ("data", "blob"):
            return route.continue_()
        origin = f"{address.scheme}://{address.netloc}"
        seen.hosts.add(origin)
        return route.continue_() if origin in allowed.split() else route.abort()

    context.route("**/*", pass_or_refuse)
    page.on("websocket", lambda socket: seen.sockets.append(socket.url))
    page.on("console", lambda message: seen.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield seen
    finally:
        context.close()
