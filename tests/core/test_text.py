"""Texts from outside."""

import pytest

from core.text import problem_with, shown


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
