"""The page "My consumption" in a browser: its figures, live changes, signing in and out, languages, past periods."""

import time
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Route, expect
from sqlmodel import select

from core.access.person import Person
from core.access.tables import AccessSession
from tests.api.conftest import NOW
from tests.api.pages.browser import Visit, visit
from tests.api.server import Client, Served, cloudevent
from tests.forms import long

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.parametrize("library", ["sqlite"], indirect=True),
]


class Visits(Protocol):
    """Opens a page of the browser."""

    def __call__(self, **options: object) -> AbstractContextManager[Visit]: ...


@pytest.fixture
def visits(chromium: Browser, library: Served) -> Visits:
    return partial(visit, chromium, library.url)


def open_page(seen: Visit, library: Served, token: str, query: str = "") -> None:
    seen.page.clock.set_fixed_time(NOW)
    seen.page.goto(f"{library.url}/consumption{query}#token={token}")
    seen.page.locator("allowance-consumption .card[part~=alerts]").wait_for()


def reading(seen: Visit, meter: str) -> str:
    return seen.text(f'[data-meter="{meter}"] >> nth=0')


def test_the_page_shows_the_figures_of_the_license_and_asks_this_server_alone(visits: Visits, library: Served) -> None:
    with visits() as seen:
        open_page(seen, library, library.token("consumption:read", license="acme"))
        assert seen.page.url == f"{library.url}/consumption"
        assert seen.text("h1") == "My consumption"
        assert seen.text("header .name p") == "Acme Retail Exceeded"
        assert seen.texts(".card[part~=section] h2") == [
            *("Channels", "SMS", "Data model", "Goals and forms", "License settings"),
        ]
        assert reading(seen, "interactions").startswith(
            "Interactions At risk 11,000,000 of 12,000,000 interactions · 91.6% 1,000,000 left"
        )
        assert "50,000 over the limit. Nothing is blocked." in reading(seen, "profiles")
        assert "900.5 credits left" in reading(seen, "sms_credits")
        assert "25 months · Set by your contract" in reading(seen, "retention")
        bar = seen.page.locator('[data-meter="interactions"] [role=meter]')
        assert bar.get_attribute("aria-valuetext") == "11,000,000 of 12,000,000 interactions, 91.6%"
        assert seen.hosts == {library.url}
        assert len(seen.sockets) == 1
        assert seen.complaints == []


def test_what_the_contract_does_not_have_is_folded_away(visits: Visits, library: Served) -> None:
    with visits() as seen:
        open_page(seen, library, library.token("consumption:read"), "?license=acme")
        section = seen.page.locator(".card[part~=section]").filter(has_text="Data model")
        expect(section.locator(".unsold > summary")).to_have_text("Not in your contract (2)")
        expect(section.locator('[data-meter="profile_tables"]')).to_be_hidden()
        section.locator(".unsold > summary").click()
        expect(section.locator('[data-meter="profile_tables"]')).to_be_visible()
        whole = seen.page.locator(".card.unsold")
        expect(whole.locator("summary")).to_have_text("Not in your contract (5)")
        whole.locator("summary").click()
        expect(whole.locator('[data-section="automation"]')).to_have_text(
            "Automation Scenarios, Segmentation rules, Daily exports, Newsletters"
        )


def test_a_change_shows_within_two_seconds(visits: Visits, library: Served) -> None:
    with visits() as seen, library.client() as client:
        client.data('mutation { putLicense(input: {key: "live", name: "Live"}) { errors { code } } }')
        library.refresh()
        open_page(seen, library, library.token("consumption:read", license="live"))
        client.post_events(cloudevent("users.level", "live", "l-1", value=7))
        client.data('mutation { refreshConsumption(license: "live") { id } }')
        library.refresh()
        expect(seen.page.locator('[data-meter="users"] .figure')).to_contain_text("7 users", timeout=10_000)
        assert seen.text(".live") == "Live"


def test_who_has_no_token_or_a_revoked_one_sees_no_figures(visits: Visits, library: Served) -> None:
    token, key = library.key("consumption:read", license="acme")
    with visits() as seen:
        open_page(seen, library, token)
        library.revoke(key)
        expect(seen.page.locator("allowance-consumption .message h2")).to_have_text(
            "You are signed out", timeout=20_000
        )
        assert seen.page.locator("[data-meter]").count() == 0
        seen.page.get_by_label("access code").fill(library.token("consumption:read", license="acme"))
        seen.page.get_by_role("button", name="Sign in").click()
        expect(seen.page.locator("h1")).to_have_text("My consumption")


def end_session(library: Served, key: str, token: str) -> None:
    """End the sessions of a key early, and wait until the server refuses the token."""
    with library.runtime.database.write() as session:
        for row in session.exec(select(AccessSession).where(AccessSession.key_id == key)):
            row.expires_at = row.created_at
            session.add(row)
    with Client(library.url, token) as client:
        while client.post("/graphql", json={"query": "{ viewer { name } }"}).status_code == 200:
            time.sleep(0.1)


def test_the_figures_go_when_a_session_ends_and_nothing_follows_it(visits: Visits, library: Served) -> None:
    token, key = library.session()
    with visits() as seen:
        open_page(seen, library, token)
        end_session(library, key, token)
        expect(seen.page.locator("allowance-consumption .message h2")).to_have_text(
            "You are signed out", timeout=20_000
        )
        assert seen.page.locator("[data-meter]").count() == 0


def test_the_figures_stay_when_another_session_follows(visits: Visits, library: Served) -> None:
    token, key = library.session()
    next_token, _ = library.session()
    with visits() as seen:
        open_page(seen, library, token)
        expect(seen.page.locator(".live.on")).to_be_visible()
        seen.page.evaluate(
            """token => {
                const element = document.querySelector('allowance-consumption');
                element.addEventListener('allowance-error', () => { window.failed = true; });
                element.getToken = async () => token;
            }""",
            next_token,
        )
        with seen.page.expect_websocket() as opened:
            end_session(library, key, token)
        opened.value.wait_for_event("framereceived", lambda frame: '"next"' in str(frame))
        assert "11,000,000" in reading(seen, "interactions")
        assert seen.page.evaluate("window.failed") is None


@pytest.mark.parametrize("follows", [True, False])
def test_a_refused_request_asks_for_a_token_once_more(visits: Visits, library: Served, follows: bool) -> None:
    token, key = library.session()
    next_token, _ = library.session()
    with visits() as seen:
        seen.page.route_web_socket("**/graphql?*", lambda socket: None)  # the end shows over HTTP alone
        open_page(seen, library, token)
        end_session(library, key, token)
        seen.page.evaluate(
            """tokens => {
                window.given = 0;
                const element = document.querySelector('allowance-consumption');
                element.getToken = () => tokens[Math.min(window.given++, tokens.length - 1)];
            }""",
            [token, next_token] if follows else [token],
        )
        seen.page.get_by_role("button", name="Details – Interactions").click()
        if follows:
            seen.page.locator('[data-meter="interactions"] .history').wait_for()
        else:
            expect(seen.page.locator("allowance-consumption .message h2")).to_have_text("You are signed out")
            assert seen.page.locator("[data-meter]").count() == 0
        assert seen.page.evaluate("window.given") == 2


def test_the_page_speaks_french_with_its_numbers_and_dates(visits: Visits, library: Served) -> None:
    with visits(locale="fr-FR") as seen:
        open_page(seen, library, library.token("consumption:read", license="acme"))
        assert seen.text("h1") == "Ma consommation"
        assert "11 000 000 sur 12 000 000 interactions · 91,6 %" in reading(seen, "interactions")
        assert "du 15 janvier 2026 au 14 janvier 2027" in seen.text(".period")
        assert seen.page.locator("html").get_attribute("lang") == "fr"
        seen.page.locator("#menu > summary").click()
        seen.page.get_by_label("Langue").select_option("en")
        expect(seen.page.locator("h1")).to_have_text("My consumption")
        seen.page.keyboard.press("Escape")
        expect(seen.page.get_by_label("Language")).to_be_hidden()


def test_the_language_of_the_page_comes_before_that_of_the_person(visits: Visits, library: Served) -> None:
    token, _ = library.session(person=Person("u-1", "Zoé", "fr"))
    with visits() as seen:
        open_page(seen, library, token, "?lang=en")
        expect(seen.page.locator("allowance-consumption .live")).to_have_text("Live")
        seen.page.locator("[data-meter=interactions] .link").click()
        seen.page.locator("[data-meter=interactions] .history").wait_for()
        seen.page.get_by_role("button", name="Refresh").click()
        assert seen.texts(".card[part~=section] h2")[2:4] == ["Data model", "Goals and forms"]
        assert "Exceeded" in seen.text("header .name p")
        alerts = seen.text(".card[part~=alerts]")
        assert "Profiles" in alerts
        assert "Profils" not in alerts


@pytest.mark.parametrize(
    ("language", "button", "title"),
    [
        ("en", "Contract report", "Contract report, January 15, 2026 to March 10, 2026"),
        ("fr", "Rapport de contrat", "Rapport de contrat, du 15 janvier 2026 au 10 mars 2026"),
    ],
)
def test_a_button_leads_to_the_contract_report_by_the_same_session(
    visits: Visits, library: Served, language: str, button: str, title: str
) -> None:
    token, _ = library.session()
    with visits() as seen:
        open_page(seen, library, token, f"?lang={language}")
        with seen.context.expect_page() as opened:
            seen.page.get_by_role("button", name=button).click()
        report = opened.value
        expect(report.get_by_text(title)).to_be_visible()
        assert report.url == f"{library.url}/report/acme?lang={language}"  # the token stands in no address
        assert seen.complaints == []


def test_a_proxy_that_adds_the_token_needs_none_in_the_page(visits: Visits, library: Served) -> None:
    token = library.token("consumption:read", license="acme")
    with visits() as seen:
        seen.page.route_web_socket("**/graphql?*", lambda socket: socket.close())
        asked: list[str | None] = []

        def add_token(route: Route) -> None:
            asked.append(route.request.headers.get("authorization"))
            route.continue_(headers={**route.request.headers, "authorization": f"Bearer {token}"})

        seen.page.route("**/graphql?*", add_token)
        seen.page.goto(f"{library.url}/consumption")
        expect(seen.page.locator("allowance-consumption .name p")).to_contain_text("Acme Retail", timeout=30_000)
        assert set(asked) == {None}
        expect(seen.page.get_by_text("Contract report")).to_be_hidden()  # the form has no token to post


def test_a_tile_shows_only_the_readings_of_its_status(visits: Visits, library: Served) -> None:
    with visits() as seen:
        open_page(seen, library, library.token("consumption:read", license="acme"))
        seen.page.get_by_role("button", name="At risk").click()
        assert seen.texts(".reading h3") == ["Interactions"]
        seen.page.get_by_role("button", name="Show all").click()
        assert len(seen.texts(".card[part~=section]")) == 5


def test_details_show_the_thresholds_the_breakdown_and_a_history_with_its_table(
    visits: Visits, library: Served
) -> None:
    with visits() as seen:
        open_page(seen, library, library.token("consumption:read", license="acme"))
        row = seen.page.locator('[data-meter="interactions"]')
        row.get_by_role("button", name="Details – Interactions").click()
        expect(row.locator(".details")).to_contain_text("Limit: 1,000,000 profiles × 12 interactions per profile")
        expect(row.locator(".details")).to_contain_text("80% (9,600,000 interactions) – crossed on February 20, 2026")
        expect(row.locator("table.breakdown")).to_contain_text("Marketing e-mails10,000,000")
        row.get_by_text("As a table").click()
        expect(row.locator(".history tbody tr").first).to_contain_text("March 10, 2026")


def test_several_elements_share_one_connection(visits: Visits, library: Served) -> None:
    with visits() as seen:
        open_page(seen, library, library.token("consumption:read", license="acme"))
        seen.page.evaluate(
            """() => {
                const first = document.querySelector('allowance-consumption');
                for (const [name, view] of [['allowance-consumption', 'summary'], ['allowance-notice', '']]) {
                    const element = document.createElement(name);
                    element.setAttribute('view', view);
                    element.getToken = first.getToken;
                    document.body.append(element);
                }
            }"""
        )
        expect(seen.page.locator("allowance-consumption[view=summary] .summary li")).to_have_count(7)
        assert len(seen.sockets) == 1


def test_a_connection_that_is_lost_leaves_the_figures_and_says_since_when(visits: Visits, library: Served) -> None:
    with visits() as seen:
        connected: list[object] = []

        def pass_on(socket: object) -> None:
            connected.append(socket)
            if len(connected) == 1:
                socket.connect_to_server()  # type: ignore[attr-defined]

        seen.page.route_web_socket("**/graphql?*", pass_on)
        open_page(seen, library, library.token("consumption:read", license="acme"))
        expect(seen.page.locator(".live.on")).to_be_visible()  # the first figures come before the connection
        connected[0].close()  # type: ignore[attr-defined]
        expect(seen.page.locator(".away")).to_contain_text("The server is not reachable since Mar 10, 2026, 10:30 AM")
        assert "11,000,000" in reading(seen, "interactions")


@pytest.mark.parametrize("width", [320, long(768)])
def test_nothing_is_wider_than_the_screen(visits: Visits, library: Served, width: int) -> None:
    with visits(viewport={"width": width, "height": 800}) as seen:
        open_page(seen, library, library.token("consumption:read", license="acme"))
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
