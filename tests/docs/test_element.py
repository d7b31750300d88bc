"""The element in a page of another origin, in the lines that the page for front-end teams shows."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from playwright.sync_api import expect

from core.settings import Settings
from tests.api.acme import bring_in
from tests.api.conftest import NOW
from tests.api.pages.browser import browser, visit
from tests.api.pages.foreign import back_end
from tests.api.server import serving

PAGE = Path(__file__).parents[2] / "docs" / "front-ends.md"


@pytest.mark.needs("chromium")
@time_machine.travel(NOW, tick=False)
def test_the_element_works_in_a_page_of_another_origin(new_sqlite: Callable[[Path], str], tmp_path: Path) -> None:
    lines = PAGE.read_text().partition("```html\n")[2].partition("```")[0]
    answers: dict[str, str] = {}
    with back_end(answers) as origin:
        settings = Settings(database_url=new_sqlite(tmp_path / "test.db"), cors_origins=origin)
        with serving(settings) as served, browser() as chromium:
            bring_in(served)
            answers["/"] = lines.replace("https://allowance.example", served.url)
            answers["/allowance-token"] = served.token("consumption:read", license="acme")
            with visit(chromium, f"{served.url} {origin}") as seen:
                seen.page.clock.set_fixed_time(NOW)
                seen.page.goto(f"{origin}/")
                expect(seen.page.locator("allowance-consumption h1")).to_have_text("Ma consommation", timeout=30_000)
                expect(seen.page.locator('[data-meter="interactions"] .figure')).to_contain_text("sur")
                assert seen.hosts == {served.url, origin}
