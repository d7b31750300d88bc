"""What an e-mail says, in its reader's language."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.delivery.mail.render import (
    CrossedLine,
    ExpiringLine,
    Mail,
    RequestLine,
    render_crossed,
    render_expiring,
    render_requested,
)


def render(
    language: str | None = "en", name: str = "Acme", used: Decimal = Decimal(6), limit: Decimal = Decimal(5)
) -> Mail:
    line = CrossedLine(
        "Forms", "forms", used, limit, "as agreed", (Decimal(1),), date(2026, 1, 1), date(2027, 1, 1), True, False
    )  # fmt: skip
    return render_crossed(language, name, "acme", [line], "https://app.example", "https://allowance.example/u")


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
    [("en", "Reached: 80%, 92.5%, 100% of the limit"), ("fr", "Atteint : 80\xa0%, 92,5\xa0%, 100\xa0% de la limite")],
)
def test_all_thresholds_that_were_reached_are_named(language: str, said: str) -> None:
    ratios = (Decimal("0.8"), Decimal("0.925"), Decimal(1))
    line = CrossedLine(
        "Forms", "forms", Decimal(6), Decimal(5), "", ratios, date(2026, 1, 1), date(2027, 1, 1), True, False
    )
    mail = render_crossed(language, "Acme", "acme", [line], "https://a.example", "https://b.example")
    assert mail.text.count(said) == mail.html.count(said) == 1


EXPIRING = ExpiringLine("SMS credits", Decimal("1200.5"), Decimal(5000), None, datetime(2026, 12, 31, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        (
            "en",
            "Acme: credits expire soon",
            [
                "SMS credits: 1,200.5 of 5,000 credits are left",
                "They expire on January 1, 2027, 12:00\u202fAM (Europe/Brussels)",
            ],
        ),
        (
            "fr-BE",
            "Acme : des crédits expirent bientôt",
            [
                "SMS credits : il reste 1\u202f200,5 crédits sur 5\u202f000",
                "Ils expirent le 1 janvier 2027, 00:00 (Europe/Brussels)",
            ],
        ),
    ],
)
def test_credits_that_expire_are_told_in_the_language_and_time_of_the_license(
    language: str, subject: str, said: list[str]
) -> None:
    lines = [EXPIRING, replace(EXPIRING, entity="<i>be</i>")]
    mail = render_expiring(language, "Acme", "acme", "Europe/Brussels", lines, "https://a.example", "https://b.example")
    assert mail.subject == subject
    for part in (*said, "https://a.example", "https://b.example"):
        assert part in mail.text
        assert part in mail.html
    assert "<i>" in mail.text
    assert "<i>" not in mail.html


def test_a_further_ratio_is_told_as_what_is_used() -> None:
    line = CrossedLine(
        "Forms", "forms", Decimal(6), Decimal(10), "", (Decimal("0.5"),), date(2026, 1, 1), date(2027, 1, 1), False,
        False, early=True,
    )  # fmt: skip

    def subject(language: str, *lines: CrossedLine) -> str:
        return render_crossed(language, "Acme", "acme", list(lines), "https://a.example", "https://b.example").subject

    assert subject("en", line, replace(line, ratios=(Decimal("0.125"),))) == "Acme: 50% of a limit is used"
    assert subject("en", replace(line, ratios=(Decimal("0.125"),))) == "Acme: 12.5% of a limit is used"
    assert subject("fr", line) == "Acme : 50 % d’une limite sont utilisés"
    assert subject("en", line, replace(line, early=False)) == "Acme: your license is close to a limit"


def test_what_people_write_in_a_request_is_text_and_nothing_else() -> None:
    asked = RequestLine(
        "4f0c",
        "SMS credits",
        "credits",
        Decimal("5000.50"),
        "</p><script>",
        "Bcc: eve@example.com<b>",
        "k<i>",
        "do it",
    )
    mail = render_requested("Acme\u2028Bcc: eve@example.com", "acme", asked)
    assert mail.subject == "Acme Bcc: eve@example.com requests 5,000.5 credits"
    assert "For the entity: </p><script>" in mail.text
    for harm in ("<script>", "<b>", "<i>"):
        assert harm not in mail.html
    assert "  do it\n" in mail.text
