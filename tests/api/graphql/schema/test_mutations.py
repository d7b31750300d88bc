"""Mutations: what they change, and what they refuse, as data with the path to the field."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlmodel import select

from core.licenses.tables import LicenseAdmin
from tests.api.server import Client, Served, cloudevent

PUT_LICENSE = """mutation ($input: LicenseInput!) { putLicense(input: $input) {
  license { key name timeZone contract { version } grants { edges { cursor } } consumption { status version } }
  errors { code message path }
} }"""
PUT_CONTRACT = """mutation ($input: ContractInput!) { putContract(input: $input) {
  contract { version effectiveFrom startsOn billingPeriod warnings terms { key value } }
  errors { code message path }
} }"""
GRANT = """mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) {
  grant { key meter amount remaining entity grantedAt expiresAt } errors { code message path }
} }"""
CONTRACT = {
    "license": "acme",
    "effectiveFrom": "2026-03-10",
    "startsOn": "2026-03-10",
    "terms": [{"key": "users", "value": 5}],
}


def put_license(client: Client, **input: object) -> Any:
    return client.data(PUT_LICENSE, input=input)["putLicense"]


def put_contract(client: Client, **input: object) -> Any:
    return client.data(PUT_CONTRACT, input={**CONTRACT, **input})["putContract"]


def grant(client: Client, **input: object) -> Any:
    return client.data(GRANT, input={"id": "g", "license": "acme", "amount": 10, **input})["grantCredits"]


@pytest.fixture
def license(operator: Client) -> None:
    assert put_license(operator, key="acme", name="Acme")["errors"] == []


def test_additional_thresholds_are_stored_and_shown_in_readings(
    served: Served, operator: Client, license: None
) -> None:
    given = [{"meter": "users", "ratios": [1.2, 0.5]}, {"meter": "forms", "ratios": [0.25]}]
    assert put_contract(operator, alertAt=given)["errors"] == []
    operator.post_events(cloudevent("users.level", "acme", "u-1", value=3))
    served.refresh()
    answer = operator.data("""{
      license(key: "acme") { contract { alertAt { meter ratios } } }
      consumption(license: "acme") { section(key: "license") { readings {
        meter { key } thresholds { ratio value status crossedAt }
      } } }
    }""")
    assert answer["license"]["contract"]["alertAt"] == [
        {"meter": "forms", "ratios": [0.25]},
        {"meter": "users", "ratios": [0.5, 1.2]},
    ]
    assert answer["consumption"]["section"]["readings"][0] == {
        "meter": {"key": "users"},
        "thresholds": [
            {"ratio": 0.5, "value": 2.5, "status": "OK", "crossedAt": "2026-03-10T09:30:00Z"},
            {"ratio": 1, "value": 5, "status": "EXCEEDED", "crossedAt": None},
            {"ratio": 1.2, "value": 6, "status": "EXCEEDED", "crossedAt": None},
        ],
    }
    assert put_contract(operator, forecastAt=[{"meter": "forms", "ratios": [1, 0.9]}])["errors"] == []
    asked = '{ license(key: "acme") { contract { forecastAt { meter ratios } alertAt { meter } } } }'
    assert operator.data(asked)["license"]["contract"] == {
        "forecastAt": [{"meter": "forms", "ratios": [0.9, 1]}],
        "alertAt": [{"meter": "forms"}, {"meter": "users"}],
    }
    wrong = put_contract(operator, forecastAt=[{"meter": "user", "ratios": [0.5]}, {"meter": "users", "ratios": [11]}])
    assert [(one["code"], one["path"]) for one in wrong["errors"]] == [
        ("UNKNOWN_METER", ["forecastAt", "0", "meter"]),
        ("BAD_INPUT", ["forecastAt", "1", "ratios", "0"]),
    ]
    wrong = put_contract(operator, alertAt=[{"meter": "user", "ratios": [0.5]}, {"meter": "users", "ratios": [11]}])
    assert [(one["code"], one["path"]) for one in wrong["errors"]] == [
        ("UNKNOWN_METER", ["alertAt", "0", "meter"]),
        ("BAD_INPUT", ["alertAt", "1", "ratios", "0"]),
    ]


def test_putting_a_license_creates_it_and_putting_it_again_changes_it(served: Served, operator: Client) -> None:
    made = put_license(operator, key="acme", name="Acme", timeZone="Asia/Kolkata", admins=[{"email": "a@acme.example"}])
    assert made == {
        "license": {
            "key": "acme",
            "name": "Acme",
            "timeZone": "Asia/Kolkata",
            "contract": None,
            "grants": {"edges": []},
            "consumption": {"status": "UNKNOWN", "version": 1},
        },
        "errors": [],
    }
    changed = put_license(operator, key="acme", name="Acme Ltd")
    assert (changed["license"]["name"], changed["license"]["timeZone"]) == ("Acme Ltd", "Asia/Kolkata")

    def admins() -> list[str]:
        with served.runtime.database.read() as session:
            return [admin.email for admin in session.exec(select(LicenseAdmin))]

    assert admins() == ["a@acme.example"]
    put_license(operator, key="acme", name="Acme Ltd", admins=[])
    assert admins() == []


def test_all_errors_of_a_license_are_reported_together(operator: Client) -> None:
    answer = put_license(
        operator,
        key="a c",
        name="",
        timeZone="Europe/Bruxelles",
        admins=[{"email": "x"}, {"email": "a@b.example", "language": "?"}, {"email": "a@b.example", "name": "\0"}],
    )
    assert answer["license"] is None
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [
        ("BAD_INPUT", ["key"]),
        ("BAD_INPUT", ["name"]),
        ("BAD_INPUT", ["timeZone"]),
        ("BAD_INPUT", ["admins", "0", "email"]),
        ("BAD_INPUT", ["admins", "1", "language"]),
        ("BAD_INPUT", ["admins", "2", "email"]),
        ("BAD_INPUT", ["admins", "2", "name"]),
    ]
    assert answer["errors"][2]["message"] == (
        "timeZone 'Europe/Bruxelles' is not an IANA time zone. Did you mean 'Europe/Brussels'?"
    )
    assert operator.data("{ licenses { edges { cursor } } }") == {"licenses": {"edges": []}}


@pytest.mark.usefixtures("license")
def test_a_contract_is_versioned_and_putting_the_same_again_changes_nothing(operator: Client) -> None:
    first = put_contract(operator, billingPeriod="P3M", anchor="CALENDAR_YEAR", warnings=True)
    assert first == {
        "contract": {
            "version": 1,
            "effectiveFrom": "2026-03-10",
            "startsOn": "2026-03-10",
            "billingPeriod": "P3M",
            "warnings": True,
            "terms": [{"key": "users", "value": 5}],
        },
        "errors": [],
    }
    assert put_contract(operator, billingPeriod="P3M", anchor="CALENDAR_YEAR", warnings=True) == first
    assert put_contract(operator, effectiveFrom="2026-04-01")["contract"]["version"] == 2
    # The version to come holds from its day on, not now.
    now = operator.data('{ license(key: "acme") { contract { version billingPeriod } } }')
    assert now == {"license": {"contract": {"version": 1, "billingPeriod": "P3M"}}}


@pytest.mark.usefixtures("license")
def test_all_errors_of_a_contract_are_reported_together(operator: Client) -> None:
    answer = put_contract(
        operator,
        effectiveFrom="1969-12-31",
        startsOn="2200-01-01",
        terms=[
            {"key": "usres", "value": 1},
            {"key": "users", "value": -1},
            {"key": "users", "value": 9007199254740994},
            {"key": "x\0", "value": 1e300},
        ],
        atRisk=[{"meter": "profile", "ratio": 0.5}, {"meter": "users", "ratio": 1.1}, {"meter": "users", "ratio": 0}],
    )
    assert answer["contract"] is None
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [
        ("BAD_INPUT", ["effectiveFrom"]),
        ("BAD_INPUT", ["startsOn"]),
        ("BAD_INPUT", ["terms", "2", "key"]),
        ("UNKNOWN_TERM", ["terms", "0", "key"]),
        ("BAD_INPUT", ["terms", "1", "value"]),
        ("BAD_INPUT", ["terms", "2", "value"]),
        ("UNKNOWN_TERM", ["terms", "3", "key"]),
        ("BAD_INPUT", ["terms", "3", "value"]),
        ("BAD_INPUT", ["atRisk", "2", "meter"]),
        ("UNKNOWN_METER", ["atRisk", "0", "meter"]),
        ("BAD_INPUT", ["atRisk", "1", "ratio"]),
        ("BAD_INPUT", ["atRisk", "2", "ratio"]),
    ]
    assert answer["errors"][3]["message"] == "No meter knows the term 'usres'. Did you mean 'users'?"
    assert operator.data('{ license(key: "acme") { contract { version } } }') == {"license": {"contract": None}}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("billingPeriod", "P1Y2D", "mixes months with days"),
        ("billingPeriod", "PT1H", "is not in whole years, months, weeks or days"),
        ("billingPeriod", "a year", "is not an ISO 8601 duration"),
        ("billingPeriod", 1, "is not an ISO 8601 duration"),
        ("effectiveFrom", "2026-02-30", "'2026-02-30' does not exist"),
        ("effectiveFrom", "10/03/2026", "'10/03/2026' is not a date, as 2026-11-22"),
        ("startsOn", "20260310", "'20260310' is not a date, as 2026-11-22"),
        ("startsOn", 20260310, "'20260310' is not a date, as 2026-11-22"),
        ("anchor", "EASTER", "'EASTER' does not exist in 'PeriodAnchor' enum"),
        ("terms", [{"key": "users", "value": "5"}], "Float cannot represent non numeric value: '5'"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_before_the_mutation_starts(
    reader: Client, field: str, value: object, says: str
) -> None:
    code, message = reader.error(PUT_CONTRACT, input={**CONTRACT, field: value})
    assert code == "BAD_INPUT"
    assert says in message


@pytest.mark.parametrize("key", ["nope", "", "a\0", "x" * 500])
def test_a_contract_or_grant_for_an_unknown_license_is_an_error(reader: Client, key: str) -> None:
    for answer in (put_contract(reader, license=key), grant(reader, license=key)):
        (error,) = answer["errors"]
        assert (error["code"], error["path"]) == ("UNKNOWN_LICENSE", ["license"])
        assert error["message"].endswith("Put it first.")


@pytest.mark.usefixtures("license")
def test_credits_are_granted_once_for_an_id(operator: Client, clock: time_machine.Traveller) -> None:
    first = grant(operator, amount=12.5, entity="be", expiresAt="2026-06-01T00:00:00+02:00", note="a gift")
    assert first == {
        "grant": {
            "key": "g",
            "meter": "sms_credits",
            "amount": 12.5,
            "remaining": 12.5,
            "entity": "be",
            "grantedAt": "2026-03-10T09:30:00Z",
            "expiresAt": "2026-05-31T22:00:00Z",
        },
        "errors": [],
    }
    clock.shift(timedelta(hours=1))
    again = {"amount": 12.5, "entity": "be", "expiresAt": "2026-05-31T22:00:00Z", "note": "a gift"}
    assert grant(operator, **again) == first
    (conflict,) = grant(operator, **{**again, "amount": 13})["errors"]
    assert (conflict["code"], conflict["path"]) == ("ID_CONFLICT", ["id"])


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"id": ""}, "BAD_INPUT", ["id"]),
        ({"id": "x" * 201}, "BAD_INPUT", ["id"]),
        ({"amount": 0}, "BAD_INPUT", ["amount"]),
        ({"amount": -1}, "BAD_INPUT", ["amount"]),
        ({"amount": 1e300}, "BAD_INPUT", ["amount"]),
        ({"entity": "\n"}, "BAD_INPUT", ["entity"]),
        ({"note": "x" * 1001}, "BAD_INPUT", ["note"]),
        ({"meter": "users"}, "UNKNOWN_METER", ["meter"]),
        ({"expiresAt": "2026-03-10T09:30:00Z"}, "BAD_INPUT", ["expiresAt"]),
        ({"grantedAt": "1969-01-01T00:00:00Z"}, "BAD_INPUT", ["grantedAt"]),
    ],
)
def test_an_invalid_grant_is_refused_with_the_path_of_the_field(
    reader: Client, input: dict[str, object], code: str, path: list[str]
) -> None:
    answer = grant(reader, **input)
    assert answer["grant"] is None
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [(code, path)]


def test_mutations_of_one_request_run_in_order_and_each_reads_its_own_result(operator: Client) -> None:
    answer = operator.data("""mutation {
      one: putLicense(input: {key: "acme", name: "One"}) { license { name } }
      two: putLicense(input: {key: "acme", name: "Two"}) { license { name } }
      three: putContract(input: {license: "acme", effectiveFrom: "2026-03-10", startsOn: "2026-03-10", terms: []}) {
        contract { version }
      }
      four: putLicense(input: {key: "acme", name: "Four"}) { license { name contract { version } } }
    }""")
    assert answer == {
        "one": {"license": {"name": "One"}},
        "two": {"license": {"name": "Two"}},
        "three": {"contract": {"version": 1}},
        "four": {"license": {"name": "Four", "contract": {"version": 1}}},
    }
