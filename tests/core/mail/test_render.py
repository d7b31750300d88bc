"""What an e-mail says, in its reader's language."""

from datetime import date
from decimal import Decimal

import pytest

from core.mail.render import Line, Mail, render_crossed


def render(
    language: str | None = "en", name: str = "Acme", used: Decimal = Decimal(6), limit: Decimal = Decimal(5)
) -> Mail:
    line = Line(
        "Forms", "forms", used, limit, "as agreed", Decimal(1), date(2026, 1, 1), date(2027, 1, 1), True, False
    )  # fmt: skip
    return render_crossed(language, name, "acme", [line], "https://app.example", "https://allowance.example/u")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_numbers_of_any_length_are_written_out(language: str) -> None:
    mail = render(language, used=Decimal(10**50), limit=Decimal(10**49))
    digits = "".join(character for character in mail.text if character.isdigit())
    assert "1" + "0" * 50 + "1" + "0" * 49 in digits


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_name_is_text_wherever_the_page_shows_it(language: str) -> None:
    mail = render(language, name="</title><b>Acme & Co")
    assert mail.subject.startswith("</title><b>Acme & Co")
    assert "<b>" not in mail.html
    assert mail.html.count("&lt;/title&gt;&lt;b&gt;Acme &amp; Co") == 2
