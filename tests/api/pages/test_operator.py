"""The page for operators in a browser: lists, filters, orders, live changes, answers to requests, and who is let in."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlmodel import select

from api.graphql.opaque import encode
from core.administration.inputs import CreditRequestInput
from core.administration.request_credits import request_credits
from core.credits.tables import CreditRequest
from core.delivery.outbox.claim import claim_delivery
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import DeliveryStatus
from core.settings import Settings
from tests.api import node
from tests.api.node import CLIENTS
from tests.api.pages.browser import Visit, browser, visit
from tests.api.server import Served, serving
from tests.fixtures.engine import AdminInput, Engine, usage_event
from tests.forms import long

pytestmark = pytest.mark.needs("chromium")
AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PICTURES = os.environ.get("ALLOWANCE_TEST_PICTURES")
WORST = {"acme": ("Acme Retail", 12), "birch": ("Birch", 9), "cedar": ("Électricité", 8)}
VIEWS = ["", "?license=acme", "?view=requests", "?view=alerts", "?view=deliveries", "?view=plugins"]


@pytest.fixture(scope="module")
def board(new_sqlite: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with 30 licenses: one exceeded, two at risk, the others never measured."""
    with serving(Settings(database_url=new_sqlite(tmp_path_factory.mktemp("operator") / "test.db"))) as served:
        engine, now = Engine(served.runtime), datetime.now(UTC)
        for number in range(27):
            engine.license(f"l{number:02}", name=f"License {number:02}", now=now)
        for key, (name, profiles) in WORST.items():
            engine.license(key, terms={"profiles": 10}, name=name, admins=[AdminInput("ann@example.com")], now=now)
            engine.send(usage_event("profiles.level", key, value=profiles, time=now), now=now)
        engine.refresh(*WORST, now=datetime.now(UTC))
        later = datetime.now(UTC) + timedelta(minutes=1)
        with served.runtime.database.write() as session:
            claimed = claim_delivery(session, later, timedelta(minutes=2))
        assert claimed
        with served.runtime.database.write() as session:
            record_outcome(session, claimed.delivery, Outcome(DeliveryStatus.PARKED, "550 no such mailbox"), later)
        yield served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=40_000)  # a busy machine takes long
    with browser() as started:
        yield started
    expect.set_options(timeout=5_000)


@pytest.fixture
def seen(chromium: Browser, board: Served) -> Iterator[Visit]:
    with visit(chromium, board.url) as seen:
        yield seen
        assert seen.hosts <= {board.url}
        assert seen.complaints == []


def open_page(seen: Visit, board: Served, query: str = "", *scopes: str, license: str | None = None) -> None:
    seen.page.goto(f"{board.url}/operator{query}#token={board.token(*scopes, license=license)}")


def listed(seen: Visit) -> list[str]:
    return [each.get_attribute("data-license") or "" for each in seen.page.locator("[data-license]").all()]


def expect_listed(seen: Visit, *keys: str) -> None:
    expect(seen.page.locator("[data-license]")).to_have_count(len(keys))
    for number, key in enumerate(keys):
        expect(seen.page.locator("[data-license]").nth(number)).to_have_attribute("data-license", key)


def request(board: Served, amount: int, license: str = "acme") -> str:
    with board.runtime.database.write() as session:
        given = CreditRequestInput(license, Decimal(amount), note="for the spring")
        return request_credits(session, given, board.runtime.registry, [], "console", datetime.now(UTC)).id


def stored(board: Served, id: str) -> CreditRequest:
    with board.runtime.database.read() as session:
        return session.exec(select(CreditRequest).where(CreditRequest.id == id)).one()


def test_licenses_are_listed_counted_and_paged_worst_first(seen: Visit, board: Served) -> None:
    open_page(seen, board)
    expect(seen.page.locator("[data-license]")).to_have_count(25)
    assert seen.page.url == f"{board.url}/operator"
    assert listed(seen)[:5] == ["acme", "birch", "cedar", "l00", "l01"]
    assert seen.texts(".tile") == ["1 Exceeded", "2 At risk", "27 Not measured", "0 Within the limit"]
    row = seen.text('[data-license="acme"]')
    assert row.startswith("Acme Retail acme Exceeded Fullest limit 120% updated ")
    assert seen.text('[data-license="l00"]').startswith(
        "License 00 l00 No contract Not measured no limit Never updated"
    )
    assert "30 licenses" in seen.text("main [role=status]")
    seen.page.get_by_role("button", name="Next").click()
    expect_listed(seen, "l22", "l23", "l24", "l25", "l26")
    seen.page.get_by_role("button", name="Previous").click()
    expect(seen.page.locator("[data-license]")).to_have_count(25)


def test_search_filters_and_orders_are_kept_in_the_address(seen: Visit, board: Served) -> None:
    open_page(seen, board)
    seen.page.locator(".tile", has_text="At risk").click()
    expect_listed(seen, "birch", "cedar")
    expect(seen.page.locator(".tile", has_text="At risk")).to_have_attribute("aria-pressed", "true")
    assert seen.texts(".tile strong") == ["1", "2", "27", "0"]
    seen.page.get_by_label("Search by key or name").fill("ÉLECT")
    expect_listed(seen, "cedar")
    assert seen.page.url.endswith("/operator?status=AT_RISK&search=%C3%89LECT")
    seen.page.reload()
    expect_listed(seen, "cedar")
    seen.page.goto(f"{board.url}/operator?meter=profiles&order=UTILIZATION")
    expect_listed(seen, "acme", "birch", "cedar")
    assert "Status and counts are those of Profiles." in seen.text("main [role=status]")
    seen.page.get_by_label("Order").select_option("NAME")
    expect_listed(seen, "acme", "birch", "cedar")
    seen.page.get_by_label("Freshness").select_option("NEVER")
    expect(seen.page.get_by_text("No license matches.")).to_be_visible()
    seen.page.go_back()
    expect_listed(seen, "acme", "birch", "cedar")


def test_a_change_shows_without_a_reload(seen: Visit, board: Served) -> None:
    engine = Engine(board.runtime)
    open_page(seen, board, "?search=l26")
    expect_listed(seen, "l26")
    expect(seen.page.locator(".live.on")).to_be_visible()
    engine.license("l26", name="Renamed", now=datetime.now(UTC))
    expect(seen.page.locator('[data-license="l26"]')).to_contain_text("Renamed")
    engine.license("l26", name="License 26", now=datetime.now(UTC))
    expect(seen.page.locator('[data-license="l26"]')).to_contain_text("License 26")


def test_a_license_is_shown_with_its_contract_grants_and_alerts_and_as_its_people_see_it(
    seen: Visit, board: Served
) -> None:
    Engine(board.runtime).grant("acme", "g-1", 500, now=datetime.now(UTC))
    open_page(seen, board)
    seen.page.get_by_role("link", name="Acme Retail").click()
    expect(seen.page.locator("allowance-consumption .card[part~=section]").first).to_be_visible()
    assert seen.page.url.endswith("/operator?license=acme")
    assert seen.text("h2.headline") == "Acme Retail acme Exceeded"
    seen.page.locator("summary", has_text="Contract versions").click()
    assert seen.texts("details[open] td")[4] == "profiles 10"
    seen.page.locator("summary", has_text="Grants of credits").click()
    assert seen.texts("details[open] >> nth=1 >> td")[:4] == ["g-1 SMS credits", "500", "500", "everyone"]
    seen.page.locator("summary", has_text="Alerts").click()
    expect(seen.page.get_by_text("100% reached: 12 of 10 profiles").first).to_be_visible()
    seen.page.go_back()
    expect(seen.page.locator("[data-license]").first).to_be_visible()


def test_a_request_is_declined_with_a_reason(seen: Visit, board: Served) -> None:
    id = request(board, 700)
    open_page(seen, board, "?view=requests")
    asked = seen.page.locator(f'[data-request="{encode("CreditRequest", "acme", id)}"]')
    expect(asked).to_contain_text("700 SMS credits · “for the spring”")
    asked.get_by_label("Reason for declining").fill("The budget is spent")
    asked.get_by_role("button", name="Decline").click()
    expect(asked).to_have_count(0)
    expect(seen.page.get_by_text("The request is declined.")).to_be_visible()
    assert stored(board, id).declined_because == "The budget is spent"


def test_a_request_is_granted_from_the_license_and_its_grant_shows(seen: Visit, board: Served) -> None:
    id = request(board, 800, "birch")
    open_page(seen, board, "?license=birch")
    asked = seen.page.locator(f'[data-request="{encode("CreditRequest", "birch", id)}"]')
    expect(asked.get_by_label("Amount")).to_have_value("800")
    asked.get_by_label("Amount").fill("0")
    asked.get_by_role("button", name="Grant").click()
    expect(asked.locator("[role=alert]")).to_contain_text("amount must be above 0")
    asked.get_by_label("Amount").fill("600")
    asked.get_by_role("button", name="Grant").click()
    expect(seen.page.get_by_text("The credits are granted.")).to_be_visible()
    expect(asked).to_have_count(0)
    assert (stored(board, id).closed_by or "").startswith("request-")
    expect(seen.page.locator("summary", has_text="Answered requests")).to_be_visible()


def test_a_request_arrives_while_the_list_is_open(seen: Visit, board: Served) -> None:
    open_page(seen, board, "?view=requests")
    expect(seen.page.locator(".live.on")).to_be_visible()
    id = request(board, 900, "cedar")
    expect(seen.page.locator(f'[data-request="{encode("CreditRequest", "cedar", id)}"]')).to_be_visible()


def test_alerts_stuck_deliveries_and_plugins_are_listed(seen: Visit, board: Served) -> None:
    open_page(seen, board, "?view=alerts")
    expect(seen.page.locator("[data-alert]").first).to_contain_text("Profiles")
    open_alerts = seen.page.locator("[data-alert]").count()
    seen.page.get_by_label("Show by status").select_option("EXCEEDED")
    expect(seen.page.locator("[data-alert]")).not_to_have_count(open_alerts)
    seen.page.get_by_role("link", name="Deliveries").click()
    stuck = seen.page.locator("[data-delivery]")
    expect(stuck).to_contain_text(
        "E-mail to ann@example.com · a threshold was reached 550 no such mailbox", use_inner_text=True
    )
    expect(stuck).to_contain_text("Given up · 1 attempt")
    stuck.get_by_role("button", name="Send again").click()
    expect(seen.page.get_by_text("It is sent again now.")).to_be_visible()
    seen.page.get_by_role("link", name="Plugins").click()
    expect(seen.page.locator("[data-plugin]")).to_have_count(7)
    assert seen.text('[data-plugin="channels"]').startswith("channels 1.0.0 Loaded Meters: Interactions")


@pytest.mark.parametrize(
    ("scopes", "license"),
    [(("consumption:read",), None), (("operate",), "acme"), (("contract:write",), None)],
    ids=["reads all", "of one license", "writes contracts"],
)
def test_only_a_key_for_operators_is_let_in(
    chromium: Browser, board: Served, scopes: tuple[str, ...], license: str | None
) -> None:
    with visit(chromium, board.url) as seen:
        open_page(seen, board, "", *scopes, license=license)
        expect(seen.page.get_by_role("alert")).to_be_visible()
        assert seen.page.locator("nav, [data-license]").count() == 0
        assert seen.sockets == []


def test_who_is_signed_out_signs_in_with_a_token_and_reads_without_the_scope_to_answer(
    chromium: Browser, board: Served
) -> None:
    with visit(chromium, board.url) as seen:
        seen.page.goto(f"{board.url}/operator?view=requests#token=alw_unknown")
        expect(seen.page.get_by_text("This token is not known")).to_be_visible()
        request(board, 901, "l01")
        seen.page.get_by_label("Access token").fill(board.token("operate"))
        seen.page.get_by_role("button", name="Sign in").click()
        expect(seen.page.get_by_text("Your key lacks the scope contract:write")).to_be_visible()
        assert seen.page.get_by_role("button", name="Grant").count() == 0
        seen.page.get_by_role("button", name="Sign out").click()
        expect(seen.page.get_by_label("Access token")).to_be_visible()
        assert seen.page.evaluate("sessionStorage.length") == 0


def test_the_page_speaks_french_and_fits_a_phone(seen: Visit, board: Served) -> None:
    seen.page.set_viewport_size({"width": 320, "height": 700})
    for view in VIEWS:
        open_page(seen, board, f"{view}{'&' if view else '?'}lang=fr")
        expect(seen.page.locator("nav.views")).to_be_visible()
        expect(seen.page.locator("main li, main details, main article, main .card").first).to_be_visible()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320, view
    assert seen.page.locator("html").get_attribute("lang") == "fr"
    assert seen.text("h1") == "Licences pour les opérateurs"


@pytest.mark.needs("node")
@pytest.mark.parametrize("look", ["light", long("dark")])
def test_axe_finds_nothing_in_any_view(seen: Visit, board: Served, look: Any) -> None:
    node.install()
    request(board, 902 if look == "light" else 903)
    seen.page.emulate_media(color_scheme=look)
    found = {}
    for number, view in enumerate(VIEWS):
        seen.page.set_viewport_size({"width": 320 if number % 2 else 1280, "height": 900})
        open_page(seen, board, view)
        expect(seen.page.locator("main li, main details, main article, main .card").first).to_be_visible()
        if "license" in view:
            expect(seen.page.locator("allowance-consumption .card[part~=section]").first).to_be_visible()
            for summary in seen.page.locator("main details > summary").all():
                summary.click()
        if PICTURES:
            name = f"operator-{view.partition('=')[2] or 'licenses'}-{look}.png"
            seen.page.screenshot(path=Path(PICTURES, name), full_page=True)
        seen.page.evaluate(AXE.read_text())
        judged = seen.page.evaluate("rules => axe.run({runOnly: rules})", RULES)
        found[view] = [(each["id"], each["nodes"][0]["html"][:200]) for each in judged["violations"]]
    assert found == {view: [] for view in VIEWS}
