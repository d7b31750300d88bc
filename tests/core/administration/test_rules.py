"""What may be put, and what is said, with its code and place, of all that may not."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.administration.inputs import AdminInput, ContractInput, GrantInput, LicenseInput
from core.administration.rules.contracts import check_contract
from core.administration.rules.credits import check_grant
from core.administration.rules.licenses import check_license
from core.errors import InvalidInput
from core.plugins.registry import Registry
from tests.fixtures.engine import NOW

Said = list[tuple[str, tuple[str, ...], str]]
KEY_MESSAGE = "must begin with a letter or digit and hold only letters, digits, '.', '_' and '-', 100 at most."
LATER = NOW + timedelta(days=2)
DAYS_MESSAGE = "must be from 1970-01-01 to before 2200-01-01."


def problems(check: Callable[[], object]) -> Said:
    with pytest.raises(InvalidInput) as refused:
        check()
    assert refused.value.code == "INVALID_INPUT"
    assert refused.value.message == "; ".join(problem.message for problem in refused.value.problems)
    return [(problem.code, problem.path, problem.message) for problem in refused.value.problems]


def license(key: str = "acme", name: str = "Acme", time_zone: str = "UTC", *admins: AdminInput) -> LicenseInput:
    return LicenseInput(key, name, time_zone, admins or None)


def contract(**changes: Any) -> ContractInput:
    given = {"license": "acme", "effective_from": date(2026, 1, 1), "starts_on": date(2026, 1, 1), "terms": ()}
    return ContractInput(**{**given, **changes})


def grant(**changes: Any) -> GrantInput:
    return GrantInput(**{"id": "g", "license": "acme", "amount": Decimal(1), **changes})


@pytest.mark.parametrize("key", ["a", "A1", "0", "acme.europe_west-1", "x" * 100])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+12"])
def test_a_license_is_taken(key: str, zone: str) -> None:
    check_license(license(key, "Ünïted €uropean “Brands” 日本", zone, AdminInput("a.b+c@example.org", "Änne", "pt-BR")))


@pytest.mark.parametrize("key", ["", "-a", ".a", "_a", "a b", "a/b", "é", "x" * 101, "a\n", "a\0", "a%"])
def test_a_key_is_plain(key: str) -> None:
    said = key if len(key) <= 100 else key[:100] + "…"
    assert problems(lambda: check_license(license(key))) == [("BAD_INPUT", ("key",), f"key {said!r} {KEY_MESSAGE}")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "name must not be empty."),
        ("x" * 201, "name must have 200 characters at most, not 201."),
        ("a\nb", "name must not hold control characters."),
        ("\ud800", "name must not hold control characters."),
    ],
)
def test_a_name_is_a_line_of_text(name: str, message: str) -> None:
    assert problems(lambda: check_license(license(name=name))) == [("BAD_INPUT", ("name",), message)]


@pytest.mark.parametrize(
    ("zone", "near"),
    [
        ("Europe/Brussel", " Did you mean 'Europe/Brussels'?"),
        ("europe/brussels", " Did you mean 'Europe/Brussels'?"),
        ("Mars/Olympus", ""),
        ("", ""),
        ("localtime", ""),
        ("Factory", ""),
        ("../../etc/passwd", ""),
        ("UTC\0", " Did you mean 'UTC'?"),
    ],
)
def test_a_time_zone_is_one_of_iana(zone: str, near: str) -> None:
    [(code, path, message)] = problems(lambda: check_license(license(time_zone=zone)))
    assert (code, path) == ("BAD_INPUT", ("timeZone",))
    assert message.startswith(f"timeZone {zone!r} is not an IANA time zone.")
    assert f"Did you mean {zone!r}" not in message
    if near:
        assert message.endswith(near)


def test_all_that_is_wrong_with_a_license_is_said_at_once_with_its_place() -> None:
    admins = (
        AdminInput("fine@example.org"),
        AdminInput("no address", "", "english!"),
        AdminInput("fine@example.org", "x" * 201),
        AdminInput("a" * 65 + "@example.org"),
        AdminInput("a@b@c"),
        AdminInput("jür\u200bgen@example.org"),
        AdminInput("jürgen@exämple.org"),
    )
    assert problems(lambda: check_license(license("no key", "", "Nowhere", *admins))) == [
        ("BAD_INPUT", ("key",), f"key 'no key' {KEY_MESSAGE}"),
        ("BAD_INPUT", ("name",), "name must not be empty."),
        ("BAD_INPUT", ("timeZone",), "timeZone 'Nowhere' is not an IANA time zone."),
        ("BAD_INPUT", ("admins", "1", "email"), "email 'no address' is not an e-mail address."),
        ("BAD_INPUT", ("admins", "1", "name"), "name must not be empty."),
        ("BAD_INPUT", ("admins", "1", "language"), "language 'english!' is not a language tag, as 'en' or 'fr'."),
        ("BAD_INPUT", ("admins", "2", "email"), "email 'fine@example.org' is there twice."),
        ("BAD_INPUT", ("admins", "2", "name"), "name must have 200 characters at most, not 201."),
        ("BAD_INPUT", ("admins", "3", "email"), f"email '{'a' * 65}@example.org' is not an e-mail address."),
        ("BAD_INPUT", ("admins", "4", "email"), "email 'a@b@c' is not an e-mail address."),
        ("BAD_INPUT", ("admins", "5", "email"), "email 'jür\\u200bgen@example.org' is not an e-mail address."),
    ]


def test_a_contract_is_taken_up_to_its_limits(registry: Registry) -> None:
    check_contract(
        contract(
            effective_from=date(1970, 1, 1),
            starts_on=date(2199, 12, 31),
            billing_period="P100Y",
            anchor="CALENDAR_YEAR",
            terms=(("profiles", Decimal(0)), ("forms", Decimal(2**53)), ("users", Decimal("0.000000001"))),
            at_risk=(("users", Decimal(1)), ("forms", Decimal("0.000000001"))),
            alert_at=(
                ("forms", tuple(Decimal(number) / 2 for number in range(1, 21))),
                ("active_installations", (Decimal("0.000000001"), Decimal(1))),
                ("users", ()),
            ),
        ),
        registry.meters,
    )


@pytest.mark.parametrize("field", ["effective_from", "starts_on"])
@pytest.mark.parametrize("day", [date(1969, 12, 31), date(2200, 1, 1), date.min, date.max])
def test_a_contract_is_of_our_time(registry: Registry, field: str, day: date) -> None:
    name = {"effective_from": "effectiveFrom", "starts_on": "startsOn"}[field]
    assert problems(lambda: check_contract(contract(**{field: day}), registry.meters)) == [
        ("BAD_INPUT", (name,), f"{name} {day} {DAYS_MESSAGE}")
    ]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([("profile", "1")], [("UNKNOWN_TERM", "key", "No meter knows the term 'profile'. Did you mean 'profiles'?")]),
        (
            [("Profiles", "1")],
            [("UNKNOWN_TERM", "key", "No meter knows the term 'Profiles'. Did you mean 'profiles'?")],
        ),
        ([("zzz", "1")], [("UNKNOWN_TERM", "key", "No meter knows the term 'zzz'.")]),
        ([("", "1")], [("UNKNOWN_TERM", "key", "No meter knows the term ''.")]),
        ([("forms", "-1")], [("BAD_INPUT", "value", "The term forms must be a number from 0 to 2^53, not -1.")]),
        (
            [("forms", "9007199254740993")],
            [("BAD_INPUT", "value", "The term forms must be a number from 0 to 2^53, not 9007199254740993.")],
        ),
        ([("forms", "NaN")], [("BAD_INPUT", "value", "The term forms must be a number from 0 to 2^53, not NaN.")]),
        (
            [("forms", "-Infinity")],
            [("BAD_INPUT", "value", "The term forms must be a number from 0 to 2^53, not -Infinity.")],
        ),
        (
            [("forms", "1E-10")],
            [("BAD_INPUT", "value", "The term forms must have 9 digits at most behind the point, not 1E-10.")],
        ),
    ],
)
def test_a_term_is_one_that_a_meter_knows_and_a_number(
    registry: Registry, terms: Sequence[tuple[str, str]], expected: Sequence[tuple[str, str, str]]
) -> None:
    given = contract(terms=[(key, Decimal(value)) for key, value in terms])
    assert problems(lambda: check_contract(given, registry.meters)) == [
        (code, ("terms", "0", field), message) for code, field, message in expected
    ]


@pytest.mark.parametrize(
    ("meter", "ratios", "expected"),
    [
        ("form", ["0.5"], [("UNKNOWN_METER", ("meter",), "No meter 'form'. Did you mean 'forms'?")]),
        ("forms", ["0.5", "0"], [("BAD_INPUT", ("ratios", "1"), "ratio must be above 0 and up to 10, not 0.")]),
        ("forms", ["10.1"], [("BAD_INPUT", ("ratios", "0"), "ratio must be above 0 and up to 10, not 10.1.")]),
        ("forms", ["NaN"], [("BAD_INPUT", ("ratios", "0"), "ratio must be above 0 and up to 10, not NaN.")]),
        ("forms", ["0.5", "0.50"], [("BAD_INPUT", ("ratios", "1"), "ratio 0.50 is there twice.")]),
        (
            "active_installations",
            ["1.1"],
            [
                (
                    "BAD_INPUT",
                    ("ratios", "0"),
                    "ratio must be above 0 and up to 1, as the limit is a hard one, not 1.1.",
                )
            ],
        ),
        ("forms", ["0.5"] * 21, [("BAD_INPUT", ("ratios",), "ratios must be 20 at most, not 21.")]),
    ],
)
def test_further_ratios_are_few_parts_of_the_limit_of_a_meter(
    registry: Registry, meter: str, ratios: Sequence[str], expected: Sequence[tuple[str, tuple[str, ...], str]]
) -> None:
    given = contract(alert_at=((meter, tuple(map(Decimal, ratios))),))
    assert problems(lambda: check_contract(given, registry.meters)) == [
        (code, ("alertAt", "0", *path), message) for code, path, message in expected
    ]
    given = contract(forecast_at=((meter, tuple(map(Decimal, ratios))),))
    assert problems(lambda: check_contract(given, registry.meters)) == [
        (code, ("forecastAt", "0", *path), message) for code, path, message in expected
    ]


def test_more_credits_than_there_are_are_never_spent(registry: Registry) -> None:
    check_contract(contract(forecast_at=(("sms_credits", (Decimal("0.5"), Decimal(1))),)), registry.meters)
    given = contract(forecast_at=(("sms_credits", (Decimal("1.1"),)),))
    message = "ratio must be above 0 and up to 1, as no more credits can be spent than are left, not 1.1."
    assert problems(lambda: check_contract(given, registry.meters)) == [
        ("BAD_INPUT", ("forecastAt", "0", "ratios", "0"), message)
    ]


def test_all_that_is_wrong_with_a_contract_is_said_at_once_with_its_place(registry: Registry) -> None:
    given = contract(
        effective_from=date(1900, 1, 1),
        billing_period="PT1H",
        anchor="EASTER",
        terms=(("forms", Decimal(1)), ("users", Decimal(1)), ("forms", Decimal(2)), ("form", Decimal(-1))),
        at_risk=(
            ("interaction", Decimal("0.5")),
            ("profiles", Decimal(0)),
            ("profiles", Decimal("1.000000001")),
            ("users", Decimal("NaN")),
            ("forms", Decimal("1e-300")),
        ),
    )
    found = problems(lambda: check_contract(given, registry.meters))
    assert [(code, path) for code, path, _ in found] == [
        ("BAD_INPUT", ("effectiveFrom",)),
        ("BAD_INPUT", ("billingPeriod",)),
        ("BAD_INPUT", ("anchor",)),
        ("BAD_INPUT", ("terms", "2", "key")),
        ("UNKNOWN_TERM", ("terms", "3", "key")),
        ("BAD_INPUT", ("terms", "3", "value")),
        ("BAD_INPUT", ("atRisk", "2", "meter")),
        ("UNKNOWN_METER", ("atRisk", "0", "meter")),
        ("BAD_INPUT", ("atRisk", "1", "ratio")),
        ("BAD_INPUT", ("atRisk", "2", "ratio")),
        ("BAD_INPUT", ("atRisk", "3", "ratio")),
        ("BAD_INPUT", ("atRisk", "4", "ratio")),
    ]
    messages = [message for _, _, message in found]
    assert messages[2:4] == [
        "anchor 'EASTER' must be CONTRACT_DATE or CALENDAR_YEAR.",
        "term 'forms' is there twice.",
    ]
    assert messages[6:10] == [
        "meter 'profiles' is there twice.",
        "No meter 'interaction'. Did you mean 'interactions'?",
        "ratio must be above 0 and up to 1, not 0.",
        "ratio must be above 0 and up to 1, not 1.000000001.",
    ]


def test_a_grant_is_taken_and_says_which_meter_it_is_for() -> None:
    assert check_grant(grant(), ["sms_credits"], NOW) == "sms_credits"
    assert check_grant(grant(meter="b"), ["a", "b"], NOW) == "b"
    full = grant(
        id="é" * 200,
        amount=Decimal(2**53),
        entity="be",
        granted_at=datetime(1970, 1, 1, tzinfo=UTC),
        expires_at=datetime(2199, 12, 31, tzinfo=UTC),
        note="x" * 1000,
    )
    assert check_grant(full, ["sms_credits"], NOW) == "sms_credits"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"id": ""}, "id", "id must not be empty."),
        ({"id": "x" * 201}, "id", "id must have 200 characters at most, not 201."),
        ({"id": "\0"}, "id", "id must not hold control characters."),
        ({"entity": ""}, "entity", "entity must not be empty."),
        ({"note": "x" * 1001}, "note", "note must have 1000 characters at most, not 1001."),
        ({"amount": Decimal(0)}, "amount", "amount must be above 0 and up to 2^53, not 0."),
        ({"amount": Decimal(-1)}, "amount", "amount must be above 0 and up to 2^53, not -1."),
        ({"amount": Decimal("Infinity")}, "amount", "amount must be above 0 and up to 2^53, not Infinity."),
        ({"amount": Decimal("1e300")}, "amount", "amount must be above 0 and up to 2^53, not 1E+300."),
        ({"amount": Decimal("1e-200")}, "amount", "amount must have 9 digits at most behind the point, not 1E-200."),
        ({"granted_at": datetime(1969, 12, 31, tzinfo=UTC)}, "grantedAt", f"grantedAt {DAYS_MESSAGE}"),
        ({"expires_at": datetime(2200, 1, 1, tzinfo=UTC)}, "expiresAt", f"expiresAt {DAYS_MESSAGE}"),
        ({"expires_at": NOW}, "expiresAt", "expiresAt must be after grantedAt."),
        ({"granted_at": LATER, "expires_at": LATER}, "expiresAt", "expiresAt must be after grantedAt."),
    ],
)
def test_what_is_wrong_with_a_grant_is_said_with_its_place(changes: dict[str, Any], field: str, message: str) -> None:
    assert problems(lambda: check_grant(grant(**changes), ["m"], NOW)) == [("BAD_INPUT", (field,), message)]


@pytest.mark.parametrize(
    ("meter", "installed", "message"),
    [
        ("x", ["m"], "No meter of credits 'x': m."),
        (None, ["m", "n"], "Say which meter the credits are for: m, n."),
        (None, [], "Say which meter the credits are for: none is installed."),
    ],
)
def test_the_meter_of_a_grant_is_one_of_credits(meter: str | None, installed: Sequence[str], message: str) -> None:
    assert problems(lambda: check_grant(grant(meter=meter), installed, NOW)) == [("UNKNOWN_METER", ("meter",), message)]
