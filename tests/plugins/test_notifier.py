"""The declarations of notifiers, and the messages that they get."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from allowance import InvalidDeclaration, Message, Notifier, hookimpl
from allowance.contribution import check_plugin
from allowance.errors import InvalidPlugin
from allowance.notifier import KINDS
from allowance.testing import message
from hypothesis import given
from hypothesis import strategies as st


class Own(Notifier):
    def notify(self, message: Message) -> None:
        pass


def plugin(contributed: object) -> ModuleType:
    module = ModuleType("allowance_own")

    def allowance_notifiers() -> Any:
        return contributed

    vars(module).update(API_VERSION=1, allowance_notifiers=hookimpl(allowance_notifiers))
    return module


def test_a_notifier_gets_every_kind_by_default() -> None:
    assert Own(key="own", title="Own").kinds == KINDS
    assert Own(key="own", title="Own", kinds=("credits.requested",)).kinds == ("credits.requested",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": "Own!"}, "key"),
        ({"title": ""}, "`title`"),
        ({"kinds": ()}, "`kinds` must be a tuple of some of threshold.crossed"),
        ({"kinds": ["credits.requested"]}, "`kinds` must be a tuple"),
        ({"kinds": ("credits.gone",)}, "`kinds` must be a tuple"),
        ({"environment": ["OWN_URL"]}, "`environment` must be a tuple of names"),
        ({"environment": "OWN_URL"}, "`environment` must be a tuple of names"),
        ({"environment": ("OWN URL",)}, "`environment` must be a tuple of names"),
        ({"environment": (1,)}, "`environment` must be a tuple of names"),
        ({"environment": ("OWN_URL", "ALLOWANCE_SMTP_URL")}, "none of them ALLOWANCE_"),
    ],
)
def test_an_invalid_notifier_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidDeclaration, match=said):
        Own(**({"key": "own", "title": "Own"} | changed))


def test_a_plugin_may_have_only_notifiers() -> None:
    own, other = Own(key="own", title="Own"), Own(key="other", title="Other")
    found = check_plugin(plugin([own, other]))
    assert (found.sections, found.meters, found.notifiers) == ((), (), (own, other))


@pytest.mark.parametrize(
    ("contributed", "said"),
    [
        (None, "The hook allowance_notifiers returned nothing. Return a list."),
        ([Own], "The hook allowance_notifiers returned a list with the class Own itself in it."),
        ([Own(key="own", title="Own")] * 2, "The hook allowance_notifiers declares the key 'own' twice."),
    ],
)
def test_anything_but_a_list_of_notifiers_is_refused(contributed: object, said: str) -> None:
    with pytest.raises(InvalidPlugin) as refused:
        check_plugin(plugin(contributed))
    assert refused.value.code == "INVALID_CONTRIBUTION"
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize("kind", KINDS)
def test_the_testing_kit_creates_messages_of_every_kind(kind: str) -> None:
    made = message(kind, license_name="Globex")
    assert (made.kind, made.license_name) == (kind, "Globex")
    told = [made.alerts, made.forecasts, made.expiring, (made.requested,) if made.requested else ()]
    assert sorted(map(len, told)) == [0, 0, 0, 1]


def test_the_testing_kit_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"there is no kind 'x'; the kinds are threshold\.crossed"):
        message("x")


@given(st.decimals(0, 10**50, places=9), st.decimals(0, 10**50, places=9))
def test_a_percentage_is_of_the_limit_to_a_tenth(used: Decimal, limit: Decimal) -> None:
    alert = replace(message().alerts[0], used=used, limit=limit)
    if not limit:
        assert alert.percentage is None
    else:
        assert alert.percentage is not None
        assert alert.percentage.as_tuple().exponent == -1
        assert abs(Fraction(alert.percentage) - 100 * Fraction(used) / Fraction(limit)) <= Fraction(1, 20)
