"""Whatever is sent, the answer is no 5xx, and says what became of every part of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.api.server import Client, opaque
from tests.forms import examples

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["acme", "interaction.sent", "profiles.level", "1.0", "2026-03-10T09:30:00Z", "print", "a\0", ""]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
GOOD = {
    "specversion": st.just("1.0"),
    "id": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20),
    "source": st.just("/test"),
    "type": st.sampled_from(["interaction.sent", "sms.sent"]),
    "subject": st.just("acme"),
}
DATA = st.dictionaries(st.sampled_from(["quantity", "value", "entity", "dimensions"]), VALUES)
EVENTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(GOOD, optional={"data": DATA, "time": VALUES, "data_base64": VALUES}),
    st.fixed_dictionaries({}, optional={name: st.one_of(good, VALUES) for name, good in GOOD.items()}),
)
shared = examples(40)


@shared
@given(events=st.lists(EVENTS, max_size=5))
def test_every_event_of_a_batch_is_accepted_a_duplicate_or_rejected(reader: Client, events: list[Any]) -> None:
    answer = reader.post("/events", json=events)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["accepted"] + told["duplicates"] + len(told["rejected"]) == len(events)
    indexes = [one["index"] for one in told["rejected"]]
    assert indexes == sorted(set(indexes))
    assert all(0 <= index < len(events) for index in indexes)
    assert all(one["code"] and one["message"] for one in told["rejected"])


OPERATIONS = """
query Consumption($a: String, $b: DateTime) { consumption(license: $a, at: $b) { version } }
query Licenses($a: Int, $b: String, $c: String) { licenses(first: $a, after: $b, search: $c) { edges { cursor } } }
query Node($a: ID!) { node(id: $a) { id } }
query History($a: String, $b: DateTime, $c: DateTime) { consumption(license: "acme") { sections { readings {
  history(after: $a, from: $b, to: $c) { edges { cursor } }
} } } }
mutation Refresh($a: String, $b: [String!]) { refreshConsumption(license: $a, sections: $b) { id } }
mutation Put($a: LicenseInput!) { putLicense(input: $a) { errors { code } } }
mutation Contract($a: ContractInput!) { putContract(input: $a) { errors { code } } }
mutation Grant($a: GrantCreditsInput!) { grantCredits(input: $a) { errors { code } } }
mutation Adjust($a: AdjustUsageInput!) { adjustUsage(input: $a) { errors { code } } }
mutation Close($a: CloseEntityInput!) { closeEntity(input: $a) { errors { code } } }
mutation Rename($a: RenameEntityInput!) { renameEntity(input: $a) { errors { code } } }
mutation Free($a: FreePlacesInput!) { freePlaces(input: $a) { errors { code } } }
mutation RotateSecret($a: RotateCheckInSecretInput!) { rotateCheckInSecret(input: $a) { errors { code } } }
mutation Require($a: RequireSignaturesInput!) { requireSignatures(input: $a) { errors { code } } }
mutation CheckIn($a: CheckInInput!) { checkIn(input: $a) { decision } }
mutation Void($a: VoidGrantInput!) { voidGrant(input: $a) { errors { code } } }
mutation Record($a: [UsageEventInput!]!) { recordUsage(events: $a) { accepted rejected { code } } }
"""
INPUTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            (
                "key",
                "name",
                "license",
                "id",
                "source",
                "type",
                "entity",
                "note",
                "meter",
                "grant",
                "reason",
                "event",
                "installation",
                "signature",
            ),
            TEXTS,
        ),
        **{name: st.one_of(TEXTS, st.dates().map(str)) for name in ("effectiveFrom", "startsOn", "billingPeriod")},
        **{name: st.datetimes().map(lambda time: f"{time.isoformat()}Z") for name in ("time", "expiresAt")},
        **{name: st.one_of(st.integers(), st.floats()) for name in ("amount", "quantity", "value")},
        "terms": st.lists(st.fixed_dictionaries({"key": TEXTS, "value": st.integers(-5, 5)}), max_size=2),
        "timeZone": TEXTS,
        "dimensions": VALUES,
    },
)
ARGUMENTS = st.one_of(
    VALUES,
    INPUTS,
    st.lists(INPUTS, max_size=2),
    st.datetimes().map(lambda time: f"{time.isoformat()}Z"),
    st.lists(TEXTS, max_size=3).map(lambda parts: opaque("Reading", "acme", *parts)),
    st.lists(VALUES, max_size=3).map(lambda parts: opaque("licenses:WORST_FIRST", *parts)),
)


@shared
@given(
    name=st.sampled_from(
        [
            "Consumption",
            "Licenses",
            "Node",
            "History",
            "Refresh",
            "Put",
            "Contract",
            "Grant",
            "Record",
            "Free",
            "CheckIn",
            "RotateSecret",
            "Require",
        ]
    ),
    variables=st.fixed_dictionaries({}, optional={"a": ARGUMENTS, "b": ARGUMENTS, "c": ARGUMENTS}),
)
def test_no_variables_bring_about_an_internal_error(reader: Client, name: str, variables: dict[str, Any]) -> None:
    body = {"query": OPERATIONS, "operationName": name, "variables": variables}
    answer = reader.post("/graphql", content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400), answer.text
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
    assert not codes & {"INTERNAL", "UNAVAILABLE"}, answer.text
