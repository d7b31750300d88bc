"""What an e-mail says, in its reader's language."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from allowance import Text, Unit

from core.colours import COLOURS, worst_colour
from core.consumption.readings.status import WORST_FIRST
from core.delivery.mail.render import (
    CrossedLine,
    ExpiringLine,
    Mail,
    RequestLine,
    render_crossed,
    render_expiring,
    render_requested,
)
from core.languages.words import words_in

FOUND = date(2026, 3, 15)
FORMS = Unit(one=Text("form", fr="formulaire"), other=Text("forms", fr="formulaires"))
CREDITS = Unit(one=Text("credit", fr="crédit"), other=Text("credits", fr="crédits"))
EN, FR = words_in(("en",)), words_in(("fr", "en"))
WORDS = {"en": EN, "fr": FR}
LINE = CrossedLine(
    "Forms", FORMS, Decimal(6), Decimal(5), "as agreed", (Decimal(1),), date(2026, 1, 1), date(2027, 1, 1),
    "EXCEEDED", False, (FOUND,), (FOUND,),
)  # fmt: skip


def render(language: str = "en", name: str = "Acme", used: Decimal = Decimal(6), limit: Decimal = Decimal(5)) -> Mail:
    line = replace(LINE, used=used, limit=limit)
    return render_crossed(WORDS[language], name, "acme", [line], "https://app.example", "https://allowance.example/u")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_numbers_of_any_length_are_written_out(language: str) -> None:
    mail = render(language, used=Decimal(10**50), limit=Decimal(10**49))
    digits = "".join(character for character in mail.text if character.isdigit())
    assert "1" + "0" * 50 + "1" + "0" * 49 in digits


@pytest.mark.parametrize(
    ("used", "limit", "said"),
    [
        ("6", "5", "(120%)"), ("5", "5", "(100%)"), ("1001", "1000", "(100.1%)"), ("1000001", "1000000", "(100.1%)"),
        ("999999", "1000000", "(99.9%)"), ("2", "3", "(66.6%)"), ("1", "0", "(∞)"),
    ],
)  # fmt: skip
def test_what_is_used_reads_as_all_of_the_limit_only_where_it_is(used: str, limit: str, said: str) -> None:
    mail = render(used=Decimal(used), limit=Decimal(limit))
    assert said in mail.text
    assert said in mail.html


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_name_is_text_wherever_the_page_shows_it(language: str) -> None:
    mail = render(language, name="</title><b>Acme & Co")
    assert mail.subject.startswith("</title><b>Acme & Co")
    assert "<b>" not in mail.html
    assert mail.html.count("&lt;/title&gt;&lt;b&gt;Acme &amp; Co") == 2


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Reached: 80%, 92.5%, and 100% of the limit"),
        ("fr", "Atteint : 80\xa0%, 92,5\xa0% et 100\xa0% de la limite"),
    ],
)
def test_all_thresholds_that_were_reached_are_named(language: str, said: str) -> None:
    ratios = (Decimal("0.8"), Decimal("0.925"), Decimal(1))
    line = replace(LINE, ratios=ratios, crossed_on=(FOUND,) * 3, found_on=(FOUND,) * 3)
    mail = render_crossed(WORDS[language], "Acme", "acme", [line], "https://a.example", "https://b.example")
    assert mail.text.count(said) == mail.html.count(said) == 1


EXPIRING = ExpiringLine(
    "SMS credits", CREDITS, Decimal("1200.5"), Decimal(5000), None, datetime(2026, 12, 31, 23, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        (
            "en",
            "Acme: credits expire soon",
            [
                "SMS credits: 1,200.5 of 5,000 credits are left",
                "These credits expire on January 1, 2027 at 12:00\u202fAM (Europe/Brussels)",
            ],
        ),
        (
            "fr",
            "Acme : des crédits expirent bientôt",
            [
                "SMS credits : il reste 1\u202f200,5 sur 5\u202f000 crédits",
                "Ces crédits expirent le 1er janvier 2027 à 00:00 (Europe/Brussels)",
            ],
        ),
    ],
)
def test_credits_that_expire_are_told_in_the_language_and_time_of_the_license(
    language: str, subject: str, said: list[str]
) -> None:
    lines = [EXPIRING, replace(EXPIRING, entity="<i>be</i>")]
    mail = render_expiring(
        WORDS[language], "Acme", "acme", "Europe/Brussels", lines, "https://a.example", "https://b.example"
    )
    assert mail.subject == subject
    for part in (*said, "https://a.example", "https://b.example"):
        assert part in mail.text
        assert part in mail.html
    assert "<i>" in mail.text
    assert "<i>" not in mail.html


def test_a_further_ratio_is_told_as_what_is_used() -> None:
    line = replace(LINE, limit=Decimal(10), ratios=(Decimal("0.5"),), status="OK")

    def subject(language: str, *lines: CrossedLine) -> str:
        return render_crossed(
            WORDS[language], "Acme", "acme", list(lines), "https://a.example", "https://b.example"
        ).subject

    assert subject("en", line, replace(line, ratios=(Decimal("0.125"),))) == "Acme: 50% of a limit is used"
    assert subject("en", replace(line, ratios=(Decimal("0.125"),))) == "Acme: 12.5% of a limit is used"
    assert subject("fr", line) == "Acme : 50 % d’une limite sont utilisés"
    assert subject("en", line, replace(line, status="AT_RISK")) == "Acme: your license is close to a limit"
    full = replace(line, used=Decimal(10), ratios=(Decimal("0.9"),), hard=True)
    assert subject("en", line, full) == "Acme: 100% of a limit is used"


@pytest.mark.parametrize("status", ["OK", "AT_RISK", "EXCEEDED"])
def test_a_mail_has_the_colour_of_the_status_and_no_other(status: str) -> None:
    at_risk = replace(LINE, status="OK")
    for lines, worst in (([replace(LINE, status=status)], status), ([at_risk, replace(LINE, status=status)], status)):
        mail = render_crossed(EN, "Acme", "acme", lines, "https://a.example", "https://b.example")
        shown = {name for name, colour in COLOURS.items() if colour in mail.html}
        assert shown == {line.status for line in lines}
        assert f"border-top:6px solid {COLOURS[worst]}" in mail.html


@pytest.mark.parametrize(
    ("used", "hard", "status", "said"),
    [
        (5, True, "EXCEEDED", "No place is left. New requests are refused"),
        (5, True, "OK", "No place is left. New requests are refused"),
        (4, True, "OK", "Nothing is blocked. Plan the usage that is left"),
        (4, True, "EXCEEDED", "Nothing is blocked. Plan the usage that is left"),
        (6, False, "EXCEEDED", "Nothing is blocked, but further usage takes you further over the limit"),
        (5, False, "AT_RISK", "Nothing is blocked. Plan the usage that is left"),
    ],
)
def test_a_mail_states_what_the_limit_does_now(used: int, hard: bool, status: str, said: str) -> None:
    line = replace(LINE, used=Decimal(used), hard=hard, status=status)
    mail = render_crossed(EN, "Acme", "acme", [line], "https://a.example", "https://b.example")
    assert mail.text.count(said) == mail.html.count(said) == 1


def test_a_crossing_states_its_day_and_the_day_on_which_it_was_found_if_they_differ() -> None:
    ratios = (Decimal("0.8"), Decimal("0.9"), Decimal(1), Decimal("1.2"))
    days = (date(2026, 2, 3), date(2026, 2, 3), date(2026, 2, 28), FOUND)
    line = replace(LINE, ratios=ratios, crossed_on=days, found_on=(FOUND,) * 4)
    said = {
        "en": [
            "80% and 90% crossed on February 3, 2026, found on March 15, 2026",
            "100% crossed on February 28, 2026, found on March 15, 2026",
        ],
        "fr": [
            "80\xa0% et 90\xa0% : seuil franchi le 3 février 2026, constaté le 15 mars 2026",
            "100\xa0% : seuil franchi le 28 février 2026, constaté le 15 mars 2026",
        ],
    }
    for language, parts in said.items():
        mail = render_crossed(WORDS[language], "Acme", "acme", [line], "https://a.example", "https://b.example")
        for part in parts:
            assert mail.text.count(part) == mail.html.count(part) == 1
        assert mail.text.count(parts[0].partition("2026, ")[2] or "constaté") == 2
    same_day = render_crossed(EN, "Acme", "acme", [LINE], "https://a.example", "https://b.example")
    assert "found on" not in same_day.text + same_day.html


def test_colours_rank_as_statuses_do() -> None:
    assert list(COLOURS) == [status.value for status in WORST_FIRST]
    assert worst_colour(["OK", "AT_RISK"]) == COLOURS["AT_RISK"]
    assert worst_colour([]) == COLOURS["OK"]


def test_nothing_of_nothing_is_no_percentage() -> None:
    assert "0 / 0 forms (–)" in render(used=Decimal(0), limit=Decimal(0)).text


def test_what_people_write_in_a_request_is_text_and_nothing_else() -> None:
    asked = RequestLine(
        "4f0c",
        "SMS credits",
        CREDITS,
        Decimal("5000.50"),
        "</p><script>",
        "Bcc: eve@example.com<b>",
        "k<i>",
        "do it",
    )
    mail = render_requested("Acme\u2028Bcc: eve@example.com", "acme", asked, "https://a.example/operator")
    assert mail.subject == "Acme Bcc: eve@example.com requests 5,000.5 credits"
    assert "For the entity: </p><script>" in mail.text
    for harm in ("<script>", "<b>", "<i>"):
        assert harm not in mail.html
    assert "  do it\n" in mail.text
