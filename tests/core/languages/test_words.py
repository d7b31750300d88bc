"""Numbers, plurals, dates and sentences in the words of a reader."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from allowance import Text, Unit, UnitFormat
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from core.languages import words as module
from core.languages.words import words_in

EN, FR, DE = words_in(("en",)), words_in(("fr", "en")), words_in(("de", "fr", "en"))
PROFILES = Unit(one=Text("profile", fr="profil"), other=Text("profiles", fr="profils"))
NARROW, WIDE = "\u202f", "\xa0"


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        ("0", "0 profiles", "0 profil"),
        ("1", "1 profile", "1 profil"),
        ("1.0", "1 profile", "1 profil"),
        ("1.5", "1.5 profiles", "1,5 profil"),
        ("2", "2 profiles", "2 profils"),
        ("1000000", "1,000,000 profiles", f"1{NARROW}000{NARROW}000 profils"),
        ("1000001", "1,000,001 profiles", f"1{NARROW}000{NARROW}001 profils"),
    ],
)
def test_a_number_takes_the_plural_of_the_language(number: str, english: str, french: str) -> None:
    value = Decimal(number).normalize() if number != "1000000" else Decimal(number)
    assert (EN.amount(value, PROFILES), FR.amount(value, PROFILES)) == (english, french)


@given(st.decimals(0, 10**12, places=3))
def test_the_plural_of_any_number_is_that_of_cldr(number: Decimal) -> None:
    shown = number.normalize()
    assert EN.unit(shown, PROFILES) == ("profile" if number == 1 else "profiles")
    assert FR.unit(shown, PROFILES) == ("profil" if number < 2 else "profils")


def test_a_language_with_more_plurals_has_its_own_forms_and_else_the_form_other() -> None:
    unit = Unit(
        one=Text("profile", pl="profil"),
        few=Text("profiles", pl="profile"),
        many=Text("profiles", pl="profili"),
        other=Text("profiles", pl="profilu"),
    )
    polish = words_in(("pl", "en"))
    shown = [polish.unit(Decimal(number), unit) for number in ("1", "2", "5", "1.5")]
    assert shown == ["profil", "profile", "profili", "profilu"]
    assert [polish.unit(Decimal(number), PROFILES) for number in (1, 2)] == ["profile", "profiles"]


@pytest.mark.parametrize(
    ("unit_format", "number", "english", "french"),
    [
        (UnitFormat.COUNT, "0.5", "0.5 of it", "0,5 of it"),
        (UnitFormat.DECIMAL, "1234.5678", "1,234.568 of it", f"1{NARROW}234,568 of it"),
        (UnitFormat.RATIO, "1.2549", "1.25 of it", "1,25 of it"),
        (UnitFormat.MONTHS, "24", "24 of it", "24 of it"),
        (UnitFormat.BYTES, "999", "999 byte", f"999{NARROW}o"),
        (UnitFormat.BYTES, "999949", "999.9 kB", f"999,9{NARROW}ko"),
        (UnitFormat.BYTES, "999960", "1 MB", f"1{NARROW}Mo"),
        (UnitFormat.BYTES, "999.6", "1 kB", f"1{NARROW}ko"),
        (UnitFormat.BYTES, "-999960", "-1 MB", None),
        (UnitFormat.BYTES, "1500000000", "1.5 GB", f"1,5{NARROW}Go"),
        (UnitFormat.BYTES, "1e30", "1,000,000,000,000,000 PB", None),
    ],
)
def test_a_number_has_the_format_of_its_unit(
    unit_format: UnitFormat, number: str, english: str, french: str | None
) -> None:
    unit = Unit(one="of it", other="of it", format=unit_format)
    assert EN.amount(Decimal(number), unit) == english
    assert french is None or FR.amount(Decimal(number), unit) == french


def test_numbers_of_any_length_are_written_out() -> None:
    number = Decimal("1" + "0" * 50 + ".001")
    assert EN.number(number).replace(",", "") == "1" + "0" * 50 + ".001"


@pytest.mark.parametrize(
    ("day", "english", "french"),
    [
        (date(2026, 11, 1), "November 1, 2026", "1er novembre 2026"),
        (date(2026, 11, 2), "November 2, 2026", "2 novembre 2026"),
        (date(2026, 11, 11), "November 11, 2026", "11 novembre 2026"),
        (date(2026, 8, 31), "August 31, 2026", "31 août 2026"),
    ],
)
def test_the_first_of_a_month_reads_as_people_say_it(day: date, english: str, french: str) -> None:
    assert (EN.day(day), FR.day(day)) == (english, french)


def test_an_instant_reads_in_the_time_zone_of_the_license() -> None:
    instant = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert (FR.day_of(instant, "Europe/Brussels"), FR.clock(instant, "Europe/Brussels")) == (
        "1er novembre 2026",
        "00:30",
    )
    assert FR.day_of(instant, "America/New_York") == "31 octobre 2026"


def test_several_parts_are_joined_as_in_a_sentence() -> None:
    ratios = [Decimal("0.8"), Decimal("0.925"), Decimal(1)]
    assert EN.parts(ratios) == "80%, 92.5%, and 100%"
    assert FR.parts(ratios) == f"80{WIDE}%, 92,5{WIDE}% et 100{WIDE}%"


def test_sentences_and_numbers_are_in_the_first_language_of_the_application() -> None:
    assert DE.language == "fr"
    assert DE.text(Text("Forms", de="Formulare", fr="Formulaires")) == "Formulare"
    assert DE.text(Text("Forms", fr="Formulaires")) == "Formulaires"
    assert DE.text("Forms") == "Forms"
    assert DE.sentence("New requests are refused.") == "Les nouvelles demandes sont refusées."


def test_every_translation_fills_in_the_values_of_its_sentence() -> None:
    file = Path(module.__file__).parent / "locale" / "fr" / "LC_MESSAGES" / "allowance.po"
    catalogue = read_po(file.open("rb"), locale="fr")
    value = re.compile(r"%\(\w+\)s")
    for message in catalogue:
        if not message.id:
            continue
        singular = message.id if isinstance(message.id, str) else message.id[0]
        translations = [message.string] if isinstance(message.string, str) else list(message.string or ())
        assert translations
        assert all(translations)
        for translated in translations:
            assert sorted(value.findall(translated)) == sorted(value.findall(singular)), message.id
