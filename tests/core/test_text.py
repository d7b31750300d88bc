"""Texts from outside."""

from decimal import Decimal

import pytest

from core.text import canonical, decimal_text, problem_with, shown


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
    ],
)
def test_what_is_wrong_with_a_text(value: object, problem: str | None) -> None:
    assert problem_with(value, 10) == problem


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
