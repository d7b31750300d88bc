"""Mutations: what they change, and what they refuse, as data with the path to the field."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
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
RECORD = """mutation ($events: [UsageEventInput!]!) { recordUsage(events: $events) {
  accepted duplicates rejected { index id code message }
} }"""
REFRESH = """mutation ($license: String, $sections: [String!]) {
  refreshConsumption(license: $license, sections: $sections) { id status requestedAt finishedAt problem { code } }
}"""
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


def record(client: Client, *events: Mapping[str, object]) -> Any:
    return client.data(RECORD, events=list(events))["recordUsage"]


@pytest.fixture
def license(operator: Client) -> None:
    assert put_license(operator, key="acme", name="Acme")["errors"] == []


def test_putting_a_license_makes_it_and_putting_it_again_changes_it(served: Served, operator: Client) -> None:
    made = put_license(operator, key="acme", name="Acme", timeZone="Asia/Kolkata", admins=[{"email": "a@acme.example"}])
    assert made == {
        "license": {
            "key": "acme",
            "name": "Acme",
            "timeZone": "Asia/Kolkata",
            "contract": None,
            "grants": {"edges": []},
            "consumption": {"status": "UNKNOWN", "version": 0},
        },
        "errors": [],
    }
    changed = put_license(operator, key="acme", name="Acme Ltd")
    assert (changed["license"]["name"], changed["license"]["timeZone"]) == ("Acme Ltd", "UTC")

    def admins() -> list[str]:
        with served.runtime.database.read() as session:
            return [admin.email for admin in session.exec(select(LicenseAdmin))]

    assert admins() == ["a@acme.example"]
    put_license(operator, key="acme", name="Acme Ltd", admins=[])
    assert admins() == []


def test_everything_wrong_with_a_license_is_told_at_once(operator: Client) -> None:
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
def test_everything_wrong_with_a_contract_is_told_at_once(operator: Client) -> None:
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
def test_a_value_of_a_wrong_type_is_refused_before_anything_is_done(
    reader: Client, field: str, value: object, says: str
) -> None:
    code, message = reader.error(PUT_CONTRACT, input={**CONTRACT, field: value})
    assert code == "BAD_INPUT"
    assert says in message


@pytest.mark.parametrize("key", ["nope", "", "a\0", "x" * 500])
def test_a_contract_or_a_grant_for_no_license_says_so(reader: Client, key: str) -> None:
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
def test_a_grant_that_cannot_be_is_refused_with_the_field(
    reader: Client, input: dict[str, object], code: str, path: list[str]
) -> None:
    answer = grant(reader, **input)
    assert answer["grant"] is None
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [(code, path)]


@pytest.mark.usefixtures("license")
def test_recorded_usage_is_counted_once_and_reported_event_by_event(served: Served, operator: Client) -> None:
    event: dict[str, object] = {"id": "1", "source": "/test", "type": "interaction.sent", "license": "acme"}
    sent = [
        {**event, "quantity": 2.5, "dimensions": {"channel": "print"}},
        {**event, "quantity": 2.5, "dimensions": {"channel": "print"}},
        {**event, "quantity": 3},
        {**event, "id": "2", "type": "interaction.sen"},
        {**event, "id": "3", "license": "acne"},
        {**event, "id": "4", "time": "2026-03-10T10:45:00+01:00"},
        {**event, "id": "5", "time": "2020-01-01T00:00:00Z"},
        {**event, "id": "6", "value": 1},
        {**event, "id": "7", "dimensions": {"channel": "pigeon"}},
        {**event, "id": "8", "dimensions": "print"},
    ]
    answer = record(operator, *sent)
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(one["index"], one["id"], one["code"]) for one in answer["rejected"]] == [
        (2, "1", "ID_CONFLICT"),
        (3, "2", "UNKNOWN_TYPE"),
        (4, "3", "UNKNOWN_LICENSE"),
        (5, "4", "FROM_THE_FUTURE"),
        (6, "5", "TOO_OLD"),
        (7, "6", "BAD_FIELD"),
        (8, "7", "UNKNOWN_DIMENSION_VALUE"),
        (9, "8", "BAD_FIELD"),
    ]
    assert record(operator, sent[0]) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert record(operator) == {"accepted": 0, "duplicates": 0, "rejected": []}


@pytest.mark.usefixtures("license")
def test_the_same_event_over_graphql_and_over_http_counts_once(operator: Client) -> None:
    over_http = cloudevent("profiles.level", "acme", "1", time="2026-03-10T10:00:00.25+01:00", value=3.0, entity="be")
    assert operator.post_events(over_http).json()["accepted"] == 1
    over_graphql = {
        "id": "1",
        "source": "/test",
        "type": "profiles.level",
        "license": "acme",
        "time": "2026-03-10T09:00:00.250Z",
        "value": 3,
        "entity": "be",
    }
    assert record(operator, over_graphql) == {"accepted": 0, "duplicates": 1, "rejected": []}


def test_too_many_events_at_once_are_refused_whole(library: Served, reader: Client) -> None:
    most = library.runtime.settings.max_events
    event = {"id": "1", "source": "/t", "type": "interaction.sent", "license": "acme"}
    assert reader.error(RECORD, events=[event] * (most + 1)) == (
        "TOO_LARGE",
        f"{most + 1} events at once; {most} at most. Send them in parts.",
    )


def test_a_refresh_that_was_asked_for_can_be_followed_to_its_end(
    served: Served, operator: Client, acme: None, clock: time_machine.Traveller
) -> None:
    operator.post_events(cloudevent("users.level", "acme", "u-2", value=7))
    operator.post_events(cloudevent("sms.sent", "acme", "s-2", quantity=1))
    clock.shift(timedelta(minutes=1))
    asked = operator.data(REFRESH, license="acme", sections=["license"])["refreshConsumption"]
    assert asked == {
        "id": asked["id"],
        "status": "QUEUED",
        "requestedAt": "2026-03-10T09:31:00Z",
        "finishedAt": None,
        "problem": None,
    }
    # Asking again while it waits is the same request; for other sections it is another.
    assert operator.data(REFRESH, license="acme", sections=["license"])["refreshConsumption"] == asked
    other = operator.data(REFRESH, license="acme", sections=["web", "license"])["refreshConsumption"]
    assert other["id"] != asked["id"]

    clock.shift(timedelta(seconds=30))
    served.refresh()
    state = "query ($id: ID!) { node(id: $id) { ... on RefreshRequest { status requestedAt finishedAt } } }"
    assert operator.data(state, id=asked["id"]) == {
        "node": {"status": "DONE", "requestedAt": "2026-03-10T09:31:00Z", "finishedAt": "2026-03-10T09:31:30Z"}
    }
    sections = operator.data('{ consumption(license: "acme") { version sections { key updatedAt } } }')["consumption"]
    assert sections["version"] == 2
    assert {section["key"]: section["updatedAt"] for section in sections["sections"]} == {
        "channels": "2026-03-10T09:30:00Z",
        "sms": "2026-03-10T09:30:00Z",
        "data_model": "2026-03-10T09:30:00Z",
        "web": "2026-03-10T09:31:30Z",
        "automation": "2026-03-10T09:30:00Z",
        "license": "2026-03-10T09:31:30Z",
    }


def test_a_refresh_that_cannot_be_is_refused(reader: Client) -> None:
    assert reader.error(REFRESH, license="acme", sections=["web", "sm"]) == (
        "BAD_INPUT",
        "No section 'sm'. Did you mean 'sms'?",
    )
    assert reader.error(REFRESH, license="acme", sections=[]) == (
        "BAD_INPUT",
        "`sections` is empty: name some, or leave it out for all.",
    )
    assert reader.error(REFRESH) == ("BAD_INPUT", "This key is for all licenses: name one with `license`.")
    assert reader.error(REFRESH, license="acne") == ("NOT_FOUND", "No license 'acne'. Did you mean 'acme'?")
    assert reader.error(REFRESH, license="a\0")[0] == "NOT_FOUND"


def test_mutations_of_one_request_are_made_in_order_and_each_is_read_back(operator: Client) -> None:
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


def test_a_new_license_is_worth_a_refresh_by_itself(served: Served, operator: Client, acme: None) -> None:
    served.refresh()
    put_license(operator, key="fresh", name="Fresh")
    served.refresh()
    consumption = operator.data('{ consumption(license: "fresh") { version updatedAt } }')["consumption"]
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    assert consumption == {"version": 1, "updatedAt": now}
