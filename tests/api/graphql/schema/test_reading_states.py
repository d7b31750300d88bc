"""What each reading is: measured, not reported, not sold, unlimited, a term, or without a contract."""

from typing import Any

from tests.api.server import Client, Served, cloudevent

PUT = """mutation($terms: [TermInput!]!) {
  putLicense(input: {key: "acme", name: "Acme"}) { errors { message } }
  putContract(input: {license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", terms: $terms}) {
    errors { message }
  }
}"""
STATES = """query($at: DateTime) {
  consumption(license: "acme", at: $at) {
    status sections { key status readings { meter { key } state status used limit freshness } }
  }
  licenses(first: 1) { edges { node { consumption { status } } } }
  grey: licenses(status: [UNKNOWN]) { edges { node { key } } }
  green: licenses(status: [OK]) { edges { node { key } } }
}"""


def states(client: Client, at: str | None = None) -> tuple[dict[str, tuple[str, str]], dict[str, str], dict[str, Any]]:
    """The state and status of each meter, the status of each section and of the whole, and the answer."""
    found = client.data(STATES, at=at)
    sections = found["consumption"]["sections"]
    of_meters = {
        one["meter"]["key"]: (one["state"], one["status"]) for section in sections for one in section["readings"]
    }
    of_sections = {section["key"]: section["status"] for section in sections}
    return of_meters, {**of_sections, "": found["consumption"]["status"]}, found


def test_a_feature_that_was_never_sold_does_not_turn_its_section_grey(served: Served, operator: Client) -> None:
    terms = [{"key": "forms", "value": 5}, {"key": "retention_months", "value": 24}, {"key": "users", "value": 3}]
    operator.data(PUT, terms=terms)
    meters, sections, found = states(operator)
    assert set(meters.values()) == {("NEVER_MEASURED", "UNKNOWN"), ("NOT_IN_CONTRACT", "OK")}
    assert sections["web"] == sections[""] == "UNKNOWN"

    operator.post_events(
        cloudevent("forms.level", "acme", "f", value=2),
        cloudevent("scenarios.level", "acme", "s", value=7),
        cloudevent("newsletters.level", "acme", "n", value=0),
    )
    served.refresh()
    meters, sections, found = states(operator)
    assert meters["forms"] == ("MEASURED", "OK")
    assert meters["website_goals"] == meters["transactional_goals"] == ("NOT_IN_CONTRACT", "UNKNOWN")
    assert meters["goal_interactions"] == ("NOT_IN_CONTRACT", "UNKNOWN")
    assert meters["interactions"] == ("NOT_IN_CONTRACT", "OK")
    assert meters["active_installations"] == ("NOT_IN_CONTRACT", "OK")
    assert meters["sms_credits"] == ("NOT_IN_CONTRACT", "OK")
    assert meters["scenarios"] == meters["newsletters"] == ("UNLIMITED", "OK")
    assert meters["retention"] == ("TERM_ONLY", "OK")
    assert meters["users"] == ("NOTHING_REPORTED", "UNKNOWN")
    assert sections == {
        "channels": "OK", "sms": "OK", "data_model": "OK", "web": "OK", "automation": "OK", "license": "UNKNOWN",
        "installations": "OK", "": "UNKNOWN",
    }  # fmt: skip
    assert [edge["node"]["key"] for edge in found["grey"]["edges"]] == ["acme"]

    operator.post_events(cloudevent("users.level", "acme", "u", value=2))
    operator.data('mutation { refreshConsumption(license: "acme") { id } }')
    served.refresh()
    meters, sections, found = states(operator)
    assert meters["users"] == ("MEASURED", "OK")
    assert set(sections.values()) == {"OK"}
    assert [edge["node"]["key"] for edge in found["green"]["edges"]] == ["acme"]
    assert found["grey"]["edges"] == []


def test_without_a_contract_nothing_is_unlimited(served: Served, operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { message } } }')
    operator.post_events(cloudevent("users.level", "acme", "u", value=2))
    served.refresh()
    meters, sections, found = states(operator)
    assert set(meters.values()) == {("NO_CONTRACT", "UNKNOWN")}
    assert set(sections.values()) == {"UNKNOWN"}
    assert [edge["node"]["key"] for edge in found["grey"]["edges"]] == ["acme"]


def test_the_past_has_the_states_of_its_day(served: Served, operator: Client) -> None:
    operator.data(PUT, terms=[{"key": "users", "value": 3}])
    meters, sections, found = states(operator, at="2026-01-05T12:00:00Z")
    assert meters["users"] == ("NOTHING_REPORTED", "UNKNOWN")
    assert meters["forms"] == ("NOT_IN_CONTRACT", "UNKNOWN")
    assert (sections["license"], sections["web"]) == ("UNKNOWN", "OK")
    meters, sections, found = states(operator, at="2025-12-05T12:00:00Z")
    assert set(meters.values()) == {("NO_CONTRACT", "UNKNOWN")}
    readings = [one for section in found["consumption"]["sections"] for one in section["readings"]]
    assert {one["freshness"] for one in readings} == {"NEVER"}


def test_nothing_is_unlimited_after_the_end_of_a_contract(served: Served, operator: Client) -> None:
    operator.data("""mutation {
      putLicense(input: {key: "acme", name: "Acme"}) { errors { message } }
      putContract(input: {
        license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", endsOn: "2026-01-31",
        terms: [{key: "users", value: 3}]
      }) { errors { message } }
    }""")
    operator.post_events(cloudevent("users.level", "acme", "u", value=4))
    served.refresh()
    meters, sections, _ = states(operator)
    assert set(meters.values()) == {("NO_CONTRACT", "UNKNOWN")}
    assert set(sections.values()) == {"UNKNOWN"}
    for day, state in (("31", "NOTHING_REPORTED"), ("30", "NOTHING_REPORTED")):
        assert states(operator, at=f"2026-01-{day}T12:00:00Z")[0]["users"] == (state, "UNKNOWN")
    assert states(operator, at="2026-02-01T12:00:00Z")[0]["users"] == ("NO_CONTRACT", "UNKNOWN")
