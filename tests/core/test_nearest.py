"""The nearest known name, for messages about an unknown one."""

import pytest

from core.nearest import did_you_mean

KNOWN = ["interaction.sent", "sms.sent", "profiles.level", "profile_tables.level"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("interactions.sent", " Did you mean 'interaction.sent'?"),
        ("interactoin.sent", " Did you mean 'interaction.sent'?"),
        ("sms.send", " Did you mean 'sms.sent'?"),
        ("profile.level", " Did you mean 'profiles.level'?"),
        ("profile_table.level", " Did you mean 'profile_tables.level'?"),
        ("quite another thing", ""),
        ("", ""),
        ("x" * 1_000_000, ""),
        ("\ud800", ""),
    ],
)
def test_a_name_that_is_near_is_suggested_and_no_other(name: str, expected: str) -> None:
    assert did_you_mean(name, KNOWN) == expected


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert did_you_mean("anything", []) == ""


def test_any_iterable_will_do() -> None:
    assert did_you_mean("acne", (name for name in ["acme"])) == " Did you mean 'acme'?"
    assert did_you_mean("acne", {"acme": 1}) == " Did you mean 'acme'?"
