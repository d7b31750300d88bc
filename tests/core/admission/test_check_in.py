"""Who may ask for what, before any database is asked."""

import pytest

from core.access.keys import Caller, Scope
from core.admission.check_in import CheckInRequest
from core.admission.quota_meters import QuotaMeters
from core.errors import AllowanceError
from core.plugins.registry import Registry

METER = "active_installations"
FLEET = Caller("k", "fleet", None, frozenset({Scope.CHECK_IN_WRITE}))
OWN = Caller("k", "fleet", "acme", frozenset({Scope.CHECK_IN_WRITE}))
READER = Caller("k", "reader", "acme", frozenset({Scope.CONSUMPTION_READ, Scope.USAGE_WRITE}))


def given(**fields: object) -> dict[str, object]:
    return {"license": "acme", "installation": "i-1", **fields}


@pytest.mark.parametrize("caller", [FLEET, OWN])
@pytest.mark.parametrize("fields", [given(), given(meter=None), given(meter=METER)])
def test_an_installation_asks_for_the_quota_of_its_license(
    registry: Registry, caller: Caller, fields: dict[str, object]
) -> None:
    assert QuotaMeters(registry).check(caller, fields) == CheckInRequest("acme", METER, "i-1", "k")


@pytest.mark.parametrize("identifier", ["x", "x" * 200, "Ünï ☃ 𝄞", " ", "a/b:c?d", "tab\tline\n", "\0"])
def test_any_text_up_to_two_hundred_characters_is_an_identifier(registry: Registry, identifier: str) -> None:
    assert QuotaMeters(registry).check(OWN, given(installation=identifier)).identifier == identifier


NO_SCOPE = "This key lacks the scope check-in:write. Ask an operator for a key that has it."
NOT_HARD = f"The meter 'users' has no hard quota to check in for. With one: {METER}."
NEAREST = f"No meter 'activ_installations'. Did you mean '{METER}'?"
WRONG: list[tuple[Caller, dict[str, object], str, str]] = [
    (READER, given(), "FORBIDDEN", NO_SCOPE),
    (READER, {}, "FORBIDDEN", NO_SCOPE),
    (OWN, given(license="globex"), "FORBIDDEN", "This key does not give access to license 'globex'."),
    (FLEET, given(license="?"), "NOT_FOUND", "No license '?'. An operator puts it before its installations check in."),
    (FLEET, given(license=7), "BAD_INPUT", "`license` must be a text: the license's key."),
    (FLEET, {"installation": "i-1"}, "BAD_INPUT", "`license` must be a text: the license's key."),
    (FLEET, {"license": "acme"}, "BAD_INPUT", "`installation` must be a text."),
    (FLEET, given(installation=None), "BAD_INPUT", "`installation` must be a text."),
    (FLEET, given(installation=["i"]), "BAD_INPUT", "`installation` must be a text."),
    (FLEET, given(installation=""), "BAD_INPUT", "`installation` must have 1 to 200 characters, not 0."),
    (FLEET, given(installation="x" * 201), "BAD_INPUT", "`installation` must have 1 to 200 characters, not 201."),
    (FLEET, given(meter=1), "BAD_INPUT", "`meter` must be a text: the key of a meter with a hard quota."),
    (
        FLEET,
        given(meter="users"),
        "NO_QUOTA",
        f"The meter 'users' has no hard quota to check in for. With one: {METER}.",
    ),
    (
        FLEET,
        given(meter="activ_installations"),
        "NOT_FOUND",
        f"No meter 'activ_installations'. Did you mean '{METER}'?",
    ),
    (FLEET, given(signature=7), "BAD_INPUT", "`signature` must be a text."),
    (FLEET, given(instalation="x"), "BAD_INPUT", "There is no field 'instalation'. Did you mean 'installation'?"),
]


@pytest.mark.parametrize(("caller", "fields", "code", "message"), WRONG)
def test_what_cannot_be_asked_is_refused_by_name(
    registry: Registry, caller: Caller, fields: dict[str, object], code: str, message: str
) -> None:
    with pytest.raises(AllowanceError) as refused:
        QuotaMeters(registry).check(caller, fields)
    assert (refused.value.code, refused.value.message) == (code, message)
