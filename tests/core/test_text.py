"""Texts from outside."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.text import canonical, decimal_text, fold_name, problem_with, shown, visible

REORDERS = "must not hold line separators or characters that control the direction of text"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("x", None),
        ("é日本😀", None),
        (" ", None),
        ("x" * 10, None),
        ("", "must not be empty"),
        ("x" * 11, "must have 10 characters at most, not 11"),
        (None, "must be a text"),
        (5, "must be a text"),
        (b"x", "must be a text"),
        ("a\0b", "must not hold control characters"),
        ("a\x1fb", "must not hold control characters"),
        ("a\x7fb", "must not hold control characters"),
        ("\ud800", "must not hold control characters"),
        ("a\x80b", "must not hold control characters"),
        ("a\x85b", "must not hold control characters"),
        ("a\x9b31m", "must not hold control characters"),
        ("a\xa0b", None),
        *(
            (f"a{mark}b", REORDERS)
            for mark in "\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069"
        ),
        ("a\u200bb\u200dc", None),
    ],
)
def test_what_is_wrong_with_a_text(value: object, problem: str | None) -> None:
    assert problem_with(value, 10) == problem


@given(st.text())
@example("\x1b[31m\x9b31m\u202e\n\t")
def test_visible_text_holds_nothing_but_line_breaks_and_tabs_that_a_new_text_may_not_hold(text: str) -> None:
    seen = visible(text)
    assert len(seen) == len(text)
    assert problem_with("x" + seen.replace("\n", "").replace("\t", ""), len(text) + 1) is None
    assert seen == text or problem_with(text, len(text)) is not None


def test_a_value_is_shown_quoted_short_and_in_letters_that_can_be_written() -> None:
    assert shown("a'b") == '"a\'b"'
    assert shown(5) == "'5'"
    assert shown("a\n\0\ud800") == r"'a\n\x00\ud800'"
    assert shown("x" * 100) == repr("x" * 100)
    assert shown("x" * 101) == repr("x" * 100 + "…")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("12", "12"),
        ("12.0", "12"),
        ("100", "100"),
        ("0.50", "0.5"),
        ("1E+3", "1000"),
        ("8.0E+10", "80000000000"),
        ("0E-9", "0"),
        ("1E-9", "0.000000001"),
        ("12345678901234567890123456789012.50", "12345678901234567890123456789012.5"),
    ],
)
def test_equal_decimals_have_equal_texts(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text
    assert str(canonical(Decimal(number))) == str(Decimal(text))


@given(st.text())
@example("Ἀ\u0345\u0301")
def test_a_name_is_folded_once_whatever_its_case_spaces_and_unicode_form(name: str) -> None:
    folded = fold_name(name)
    assert fold_name(folded) == folded
    decomposed = unicodedata.normalize("NFD", name)
    for form in ("NFC", "NFD"):
        assert fold_name(unicodedata.normalize(form, name)) == folded
        for case in (str.upper, str.lower, str.casefold, str.title, str.swapcase):
            assert fold_name(unicodedata.normalize(form, case(decomposed))) == folded
    assert fold_name(f" \u00a0{name}\u3000 ") == folded
    assert fold_name(name.replace(" ", "  ")) == folded


@given(st.text(), st.text())
def test_spaces_between_words_of_a_name_are_one_space(first: str, second: str) -> None:
    folded = fold_name(f"{first} {second}")
    for space in ("  ", "\u00a0", " \u2003 ", "\u200b \ufeff"):
        assert fold_name(f"{first}{space}{second}") == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος"), ("IĞDIR", "ığdır"), ("Zürich", "ZU\u0308RICH"), ("nord\u200b", "Nord")],
)
def test_two_spellings_are_one_name(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(("one", "other"), [("A²", "A2"), ("no rd", "nord"), ("Zürich", "Zurich"), ("a-b", "a b")])
def test_two_names_stay_two(one: str, other: str) -> None:
    assert fold_name(one) != fold_name(other)
