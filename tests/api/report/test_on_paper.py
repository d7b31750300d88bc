"""The page of a contract report in a browser and on paper."""

import os
from pathlib import Path

import pytest

from tests.api import node
from tests.api.node import CLIENTS
from tests.api.pages.browser import browser, visit
from tests.api.server import Client, Served

pytestmark = pytest.mark.needs("chromium")
AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PICTURES = os.environ.get("ALLOWANCE_TEST_PICTURES")


def test_a_person_signs_in_reads_the_report_and_prints_it(library: Served, reader: Client) -> None:
    node.install()
    token = reader.headers["Authorization"].removeprefix("Bearer ")
    with browser() as started, visit(started, library.url) as seen:
        page = seen.page
        page.goto(f"{library.url}/report/acme?with=profiles=2000000")
        page.get_by_label("Your access code (token) for this license").fill(token)
        page.get_by_role("button", name="Show the report").click()

        assert seen.text("h1") == "Acme Retail"
        assert token not in page.url
        page.evaluate(AXE.read_text())
        judged = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
        assert [(one["id"], one["nodes"][0]["html"]) for one in judged["violations"]] == []
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / "report.png", full_page=True)
        printed = page.pdf(format="A4")
        assert printed.count(b"/Type /Page\n") >= 2
        page.set_viewport_size({"width": 320, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        # The sign-in itself is an answer with status 401, of which the browser complains.
        assert [one for one in seen.complaints if "401" not in one] == []
