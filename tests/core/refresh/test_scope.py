"""The scope of a refresh that several runs asked for."""

import pytest

from core.refresh.scope import RefreshScope
from tests.core.refresh.common import ALL, DUE, SMS, WEB


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (ALL, ALL, ALL),
        (DUE, DUE, DUE),
        (WEB, WEB, WEB),
        (WEB, SMS, RefreshScope(frozenset({"web", "sms"}))),
        (ALL, WEB, ALL),
        (DUE, ALL, ALL),
        (DUE, WEB, ALL),
    ],
)
def test_what_was_asked_for_twice_is_done_once_for_both(
    one: RefreshScope, other: RefreshScope, both: RefreshScope
) -> None:
    assert one.merge(other) == both
    assert other.merge(one) == both
