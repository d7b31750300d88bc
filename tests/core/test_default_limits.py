"""Limits of one key that no server can reach, unless an operator sets others."""

import pytest

from core.access import authenticator
from core.settings import Settings


def test_graphql_operations_are_not_limited_by_default() -> None:
    """A fast machine answers some ten thousand a second in one process."""
    assert Settings().graphql_operations_per_second == 1_000_000


def test_the_authenticator_has_the_defaults_of_the_settings() -> None:
    assert Settings().key_outage_seconds == authenticator.KEY_OUTAGE_SECONDS
    assert Settings().unknown_tokens_per_second == authenticator.UNKNOWN_TOKENS_PER_SECOND


def test_check_ins_are_not_limited_by_default() -> None:
    assert Settings().check_ins_per_second == 1_000_000


def test_usage_is_refreshed_ten_seconds_after_it_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOWANCE_REFRESH_AFTER_SECONDS", raising=False)
    assert Settings().refresh_after_seconds == 10
