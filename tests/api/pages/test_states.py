"""Every state of the page, made by licenses that are in it; what cannot be made so is made on the way to the browser.

With ALLOWANCE_TEST_PICTURES, each state is pictured into that folder.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from tests.api import node
from tests.api.conftest import NOW
from tests.api.node import CLIENTS
from tests.api.pages.browser import Visit, visit
from tests.api.pages.states import LONG, every_state
from tests.api.server import Served
from tests.forms import long

pytestmark = pytest.mark.needs("chromium")
AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PICTURES = os.environ.get("ALLOWANCE_TEST_PICTURES")


@pytest.fixture(scope="module")
def served(new_sqlite: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("states")
    with every_state(new_sqlite(folder / "test.db"), folder / "site") as served:
        yield served


def silence(page: Page) -> None:
    """Let connections open and requests arrive, and answer nothing."""
    page.route_web_socket("**/graphql?*", lambda socket: None)
    page.route("**/graphql?*", lambda route: None)


def cut(page: Page) -> None:
    """End the first connection once the figures are there, and let no other be opened."""
    opened: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        opened.append(socket)
        if len(opened) > 1:
            return
        server = socket.connect_to_server()

        def end_after_figures(message: Any) -> None:
            socket.send(message)
            if '"next"' in message:
                socket.close()

        server.on_message(end_after_figures)

    page.route_web_socket("**/graphql?*", pass_on)


def spoil_history(page: Page) -> None:
    """Let the history of a single reading fail."""

    asked: list[Route] = []

    def answer(route: Route) -> None:
        if "query Days" not in (route.request.post_data or "") or asked:
            return route.fallback()
        asked.append(route)
        error = {"message": "The history cannot be read.", "path": ["node", "history"]}
        return route.fulfill(json={"data": {"node": {"history": None}}, "errors": [error]})

    page.route("**/graphql?*", answer)


@dataclass(frozen=True)
class State:
    """A state: the license that is in it, what is made on the way, and the selector that shows it."""

    license: str
    shows: str
    prepare: Callable[[Page], None] | None = None
    scopes: tuple[str, ...] = ("consumption:read",)
    opens: str | None = None
    signed_in: bool = True


STATES = {
    "mixed": State("mixed", ".card[part~=alerts]"),
    "details": State("mixed", "[data-meter=interactions] .history", opens="interactions"),
    "loading": State("mixed", ".skeleton", silence),
    "away": State("mixed", ".away", cut),
    "failed": State("nowhere", ".message .button"),
    "spoiled": State("mixed", "[data-meter=profiles] .details .stale", spoil_history, opens="profiles"),
    "signed-out": State("mixed", ".message h2", signed_in=False),
    "refused": State("refused", ".installations .stale"),
    "never": State("fresh", ".card[part~=alerts]"),
    "ended": State("ended", ".away"),
    "suspended": State("suspended", ".away"),
    "long": State("long", "[data-meter=profiles] .breakdown", opens="profiles"),
}


def open_state(seen: Visit, served: Served, state: State, language: str = "en") -> None:
    """Open the page in a state, and wait until it shows it."""
    page = seen.page
    page.clock.set_fixed_time(NOW)
    if state.prepare:
        state.prepare(page)
    token = f"#token={served.token(*state.scopes)}" if state.signed_in else ""
    page.goto(f"{served.url}/consumption?license={state.license}&lang={language}{token}")
    if state.opens:
        page.locator(f"[data-meter={state.opens}] .foot .link").click()
    page.locator(f"allowance-consumption {state.shows}").first.wait_for(timeout=90_000)


@pytest.fixture
def seen(chromium: Browser, served: Served) -> Iterator[Visit]:
    with visit(chromium, served.url, bypass_csp=True) as seen:
        yield seen


def row(seen: Visit, meter: str) -> str:
    return seen.text(f'[data-meter="{meter}"]')


def test_each_reading_says_its_state_in_words(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["mixed"])
    assert row(seen, "interactions").startswith("Interactions At risk 8,500 of 10,000 interactions · 85% 1,500 left")
    assert "100 over the limit. Nothing is blocked." in row(seen, "profiles")
    assert "4 of 4 tables · 100% Nothing left" in row(seen, "profile_tables")
    assert "11 of 12 tables · 91.6% 1 left" in row(seen, "custom_tables")
    assert "0 of 0 users None is allowed by your contract" in row(seen, "users")
    assert "2 of 0 users 2 over the limit. Nothing is blocked." in row(seen, "api_users")
    assert row(seen, "scenarios").startswith("Scenarios 7 scenarios · No limit in your contract")
    assert row(seen, "newsletters").startswith("Newsletters Not measured Nothing was reported yet")
    assert row(seen, "retention").startswith("Data retention 25 months · Set by your contract")
    assert row(seen, "sms_credits").startswith("SMS credits Within the limit 380 credits left")
    assert "3 of 3 installations · 100% All 3 places are taken. New ones are refused until April 1, 2026." in row(
        seen, "active_installations"
    )
    assert row(seen, "calls").startswith("Calls 12 calls")
    assert (
        "This figure is from Mar 10, 2026, 9:28 AM. The last update failed: The meter failed. The operator finds the "
        "cause in the log." in row(seen, "calls")
    )
    assert "1.2 GB of 1 GB · 120% 200 MB over the limit. Nothing is blocked." in row(seen, "storage")
    assert seen.page.locator('[data-meter="subscriptions"]').is_hidden()
    assert seen.page.locator("[data-section=web]").is_hidden()
    assert seen.complaints == []


def test_a_size_has_its_symbol_in_the_readers_language_wherever_it_is_shown(seen: Visit, served: Served) -> None:
    open_state(seen, served, State("mixed", "[data-meter=storage] .history", opens="storage"), "fr")
    assert "1,2 Go sur 1 Go · 120 %" in row(seen, "storage")
    assert "Dépassement de 200 Mo." in row(seen, "storage")
    assert "100 % (1 Go)" in row(seen, "storage")
    assert "Limite : 1 Go" in row(seen, "storage")
    assert "1,2 Go" in seen.text("[data-meter=storage] .ends")
    seen.page.locator("[data-meter=storage] .history summary").click()
    assert seen.texts("[data-meter=storage] .history th.number") == ["Utilisé", "Limite"]


def test_details_have_the_words_and_the_days_of_the_reader(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["details"], "fr")
    assert seen.texts("[data-meter=interactions] .breakdown caption") == ["Par canal"]
    assert seen.texts("[data-meter=interactions] .ends")[1] == "1er janvier 2026 10 mars 2026"
    assert seen.text(".period strong") == "du 1er janvier 2026 au 31 décembre 2026"


def test_alerts_are_shown_by_the_day_of_their_crossing_latest_first(seen: Visit, served: Served) -> None:
    def answer(route: Route) -> None:
        if "query Surroundings" not in (route.request.post_data or ""):
            return route.fallback()
        response = route.fetch()
        content = response.json()
        for number, edge in enumerate(content["data"]["license"]["alerts"]["edges"]):
            edge["node"]["crossedAt"] = f"2026-02-{10 + number * 3 % 7}T12:00:00Z"
        return route.fulfill(response=response, json=content)

    seen.page.route("**/graphql?*", answer)
    open_state(seen, served, STATES["mixed"])
    assert seen.texts(".alerts .figure") == [f"February {day}, 2026" for day in range(16, 9, -1)]


def test_a_request_for_credits_shows_its_answer(seen: Visit, served: Served) -> None:
    request = 'mutation { requestCredits(input: {license: "mixed", amount: %s}) { request { id } errors { message } } }'
    decline = (
        'mutation ($id: ID!) { declineCreditRequest(input: {license: "mixed", request: $id, '
        'reason: "The budget is spent"}) '
        "{ errors { message } } }"
    )
    with served.client() as client:
        declined = client.data(request % 70)["requestCredits"]["request"]["id"]
        client.data(decline, id=declined)
        client.data(request % 30)
    open_state(seen, served, STATES["mixed"])
    answers = seen.texts(".card[part~=credits] ul li")
    assert answers == [
        "30 · March 10, 2026 · waiting for an answer",
        "70 · March 10, 2026 · declined: The budget is spent",
    ]


def test_a_quota_that_refuses_says_until_when(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["refused"])
    assert "Refused: 1. New ones are refused until April 1, 2026." in row(seen, "active_installations")
    assert "March 1, 2026 – March 31, 2026" in seen.text(".installations")
    assert "Refused in this period: 1." in seen.text(".installations .stale")


def test_a_license_that_was_never_measured_shows_so(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["never"])
    assert row(seen, "users").startswith("Users Not measured Not measured yet")
    assert "Not updated yet" in seen.text(".card[part~=section] footer")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("ended", "No contract is in force. Usage is still counted, but there is no limit to compare it with."),
        ("suspended", "This license is suspended: Unpaid"),
        ("away", "The server is not reachable since Mar 10, 2026, 9:30 AM. The figures are those of that time."),
        ("signed-out", "Sign in again to see your consumption."),
        (
            "spoiled",
            "This history cannot be shown. Something went wrong on our side. If it happens again, contact the support "
            "team.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(seen: Visit, served: Served, state: str, words: str) -> None:
    open_state(seen, served, STATES[state])
    expect(seen.page.get_by_text(words).first).to_be_visible()
    figures = seen.page.locator("[data-meter]").count()
    assert (figures > 0) is (state != "signed-out")
    if state == "spoiled":  # the other charts are there
        seen.page.locator("[data-meter=users] .link").click()
        seen.page.locator("[data-meter=users] .history").wait_for(timeout=190_000)  # a busy machine takes long


def test_a_failure_has_a_number_for_the_support_team_and_can_be_tried_again(seen: Visit, served: Served) -> None:
    open_state(seen, served, State("nobody", STATES["failed"].shows))  # the license is made below
    message = seen.text(".message")
    assert message.startswith("Your consumption cannot be shown There is no such license. Check your link. ")
    assert "Number for the support team: " in message
    with served.client() as client:
        client.data('mutation { putLicense(input: {key: "nobody", name: "Somebody"}) { errors { message } } }')
    seen.page.get_by_role("button", name="Try again").click()
    expect(seen.page.locator("allowance-consumption .name p")).to_contain_text("Somebody")


def test_charts_of_one_period_never_stand_below_another(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["ended"])
    sparks = seen.page.locator("allowance-consumption svg.spark")
    expect(sparks.first).to_be_visible()

    def hold(route: Route) -> None:
        data = route.request.post_data or ""
        if "query Months" not in data or '"at":null' in data:
            route.fallback()

    seen.page.route("**/graphql?*", hold)
    seen.page.get_by_role("button", name="Previous period").click()
    expect(seen.page.get_by_text("This period is over.")).to_be_visible()
    expect(seen.page.locator("[data-meter=users]")).to_be_visible()
    expect(sparks).to_have_count(0)


def test_nothing_moves_when_the_figures_come(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["mixed"])
    expect(seen.page.get_by_role("button", name="Refresh")).to_be_visible()
    places = """elements => elements.map(element => {
        const { x, y, height } = element.getBoundingClientRect();
        return [x, y, height].map(Math.round);
    })"""
    cards = seen.page.locator(".columns .card")
    shown = cards.evaluate_all(places)
    silence(seen.page)
    seen.page.reload()
    seen.page.locator(".card.skeleton").first.wait_for()
    assert cards.evaluate_all(places) == shown


def test_no_figure_moves_when_credits_and_alerts_come(seen: Visit, served: Served) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        is_late = "query Surroundings" in (route.request.post_data or "")
        return held.append(route) if is_late else route.fallback()

    seen.page.route("**/graphql?*", hold)
    open_state(seen, served, State("mixed", "[data-meter=profiles]"))
    expect(seen.page.get_by_role("button", name="Refresh")).to_be_visible()
    heights = "elements => elements.map(element => element.getBoundingClientRect().y)"
    figures = seen.page.locator(".tile, [data-meter]")
    before = figures.evaluate_all(heights)
    assert len(before) > 10
    for route in held:
        route.fallback()
    seen.page.locator(".card[part~=alerts]").wait_for()
    assert figures.evaluate_all(heights) == before


def test_a_change_of_status_is_said_once_and_politely(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["long"])
    live = seen.page.locator("allowance-consumption [aria-live=polite]")
    assert live.count() == 1
    assert live.inner_text() == ""
    with served.client() as client:
        client.data(
            'mutation { putContract(input: {license: "long", effectiveFrom: "2026-03-05", startsOn: "2026-01-01", '
            'terms: [{key: "profiles", value: 10}, {key: "custom_tables", value: 4}]}) { errors { message } } }'
        )
        client.data('mutation { refreshConsumption(license: "long") { id } }')
    served.refresh()
    expect(live).to_have_text("Profiles: At risk. Custom tables: Within the limit", timeout=15_000)


def test_the_page_works_by_keyboard(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["mixed"])
    seen.page.locator("[data-meter=profiles] .link").focus()
    seen.page.keyboard.press("Enter")
    seen.page.locator("[data-meter=profiles] .history").wait_for()
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("[data-meter=profiles] .history table")).to_be_visible()
    assert seen.page.locator("[data-meter=profiles] .link").get_attribute("aria-expanded") == "true"


def print_out(page: Page) -> None:
    """Show the page as it is on paper."""
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")


def test_a_printed_page_has_all_details_and_no_buttons(seen: Visit, served: Served) -> None:
    open_state(seen, served, STATES["mixed"])
    print_out(seen.page)
    expect(seen.page.locator("[data-meter=interactions] .details table.breakdown")).to_be_visible()
    assert seen.page.locator(".details").count() >= 10
    expect(seen.page.locator("[data-meter=subscriptions]")).to_be_visible()
    expect(seen.page.locator("[data-section=web]")).to_be_visible()
    for unseen in (".tools", "form", ".link", "#menu", ".period .button", ".notices select"):
        expect(seen.page.locator(f"allowance-consumption {unseen}").first).to_be_hidden()
    bar = seen.page.locator("[data-meter=interactions] .fill")  # browsers leave out what is only a background
    assert bar.evaluate("element => getComputedStyle(element).printColorAdjust") == "exact"
    expect(seen.page.locator(".history")).to_have_count(0)
    expect(seen.page.get_by_text("The history by day is not printed.")).to_be_visible()
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(seen.page.locator(".details")).to_have_count(0)


def test_the_paper_is_laid_out_with_all_that_is_on_it(seen: Visit, served: Served) -> None:
    """Browsers lay the pages out right after they tell that they print, and wait for no answer."""
    open_state(seen, served, STATES["mixed"])
    expect(seen.page.locator("[data-meter=interactions]")).to_be_visible()
    at_once = pages_of(seen.page.pdf(format="A4"))
    print_out(seen.page)
    expect(seen.page.locator("[data-meter=interactions] .details")).to_be_visible()
    assert at_once == pages_of(seen.page.pdf(format="A4"))
    assert 2 <= at_once <= 6


def pages_of(document: bytes) -> int:
    assert document.startswith(b"%PDF")
    return document.count(b"/Type /Page\n")


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "light", "forced_colors": "active"},
}
CELLS = [(language, look) for language in ("en", "fr") for look in LOOKS]


def check_looks(seen: Visit, name: str, language: str, looks: list[str]) -> None:
    """Let axe judge the page in each look, and picture it."""
    node.install()
    seen.page.add_script_tag(path=AXE)
    found = {}
    for look in looks:
        seen.page.emulate_media(**LOOKS[look])
        for width in (1280, 390) if PICTURES else ():
            seen.page.set_viewport_size({"width": width, "height": 900})
            seen.page.screenshot(path=Path(PICTURES or "", f"{name}-{width}-{look}-{language}.png"), full_page=True)
        judged = seen.page.evaluate("rules => axe.run({runOnly: rules})", RULES)
        found[look] = [(each["id"], each["nodes"][0]["html"][:200]) for each in judged["violations"]]
    assert found == {look: [] for look in looks}


@pytest.mark.needs("node")
@pytest.mark.parametrize(
    ("name", "cell"), list(zip(["mixed", "details", "away", "failed", "refused", "signed-out"], CELLS, strict=True))
)
def test_axe_finds_nothing_in_one_state_of_each_look(
    seen: Visit, served: Served, name: str, cell: tuple[str, str]
) -> None:
    language, look = cell
    open_state(seen, served, STATES[name], language)
    check_looks(seen, name, language, [look])


@pytest.mark.long
@pytest.mark.needs("node")
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", STATES)
def test_axe_finds_nothing_in_any_look_of_a_state(seen: Visit, served: Served, name: str, language: str) -> None:
    open_state(seen, served, STATES[name], language)
    check_looks(seen, name, language, list(LOOKS))


@pytest.mark.parametrize(
    ("name", "width"), [("long", 320), ("mixed", 320), ("failed", 320), long("long", 768), long("mixed", 768)]
)
def test_nothing_is_wider_than_the_screen(seen: Visit, served: Served, name: str, width: int) -> None:
    seen.page.set_viewport_size({"width": width, "height": 800})
    open_state(seen, served, STATES[name], "fr")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    for part in seen.page.locator("allowance-consumption").locator(".message, .scroll").all():
        assert part.evaluate("element => element.scrollWidth <= element.clientWidth")
    if name == "long":
        assert LONG in seen.text(".name p")
