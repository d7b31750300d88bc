"""What each query answers, to the digit."""

from tests.api.server import Client, Served, nodes

READINGS = """
  status used limit remaining overage utilization limitBasis thresholds { ratio value status crossedAt }
  period { start end } breakdown { dimension key label used limit remaining } measuredAt freshness
  problem { code message since }
"""
NOW = "2026-03-10T09:30:00Z"
YEAR = {"start": "2026-01-14T23:00:00Z", "end": "2027-01-14T23:00:00Z"}
NEVER_REPORTED: dict[str, object] = {
    "status": "UNKNOWN",
    "used": None,
    "limit": None,
    "remaining": None,
    "overage": None,
    "utilization": None,
    "limitBasis": None,
    "thresholds": [],
    "period": None,
    "breakdown": [],
    "measuredAt": NOW,
    "freshness": "FRESH",
    "problem": None,
}


def threshold(ratio: float, value: float, status: str, crossed_at: str | None = None) -> dict[str, object]:
    return {"ratio": ratio, "value": value, "status": status, "crossedAt": crossed_at}


def share(dimension: str, key: str, label: str, used: float) -> dict[str, object]:
    return {"dimension": dimension, "key": key, "label": label, "used": used, "limit": None, "remaining": None}


def readings_of(client: Client, section: str) -> dict[str, object]:
    query = f"""query ($key: String!) {{ consumption(license: "acme") {{
      section(key: $key) {{ readings {{ meter {{ key }} {READINGS} }} }}
    }} }}"""
    data = client.data(query, key=section)
    return {reading.pop("meter")["key"]: reading for reading in data["consumption"]["section"]["readings"]}


def test_viewer_returns_name_scopes_and_license_of_the_key(library: Served) -> None:
    with library.client("operate", "usage:write") as everywhere, library.client("operate", license="acme") as one:
        query = "{ viewer { name scopes license { key } } }"
        assert everywhere.data(query) == {
            "viewer": {"name": "a test", "scopes": ["operate", "usage:write"], "license": None}
        }
        assert one.data(query) == {"viewer": {"name": "a test", "scopes": ["operate"], "license": {"key": "acme"}}}


def test_consumption_has_the_sections_in_order_each_with_status_and_update_time(reader: Client) -> None:
    query = """{ consumption(license: "acme") {
      status updatedAt version
      sections { key title description status updatedAt nextUpdateAt consumptionSince readings { meter { key } } }
    } }"""
    tomorrow = "2026-03-11T09:30:00Z"

    def section(
        key: str, title: str, description: str, status: str, *meters: str, since: str | None = None
    ) -> dict[str, object]:
        return {
            "key": key,
            "title": title,
            "description": description,
            "status": status,
            "updatedAt": NOW,
            "nextUpdateAt": tomorrow,
            "consumptionSince": since,
            "readings": [{"meter": {"key": meter}} for meter in meters],
        }

    consumption = reader.data(query)["consumption"]
    assert consumption == {
        "status": "EXCEEDED",
        "updatedAt": NOW,
        "version": 4,
        "sections": [
            section(
                "channels",
                "Channels",
                "Interactions by channel since the start of the billing period.",
                "AT_RISK",
                "interactions",
                since=YEAR["start"],
            ),
            section("sms", "SMS", "Credits for text messages.", "OK", "sms_credits"),
            section(
                "data_model",
                "Data model",
                "Profiles and the tables around them.",
                "EXCEEDED",
                *("profiles", "profile_tables", "custom_tables", "subscriptions"),
            ),
            section(
                "web",
                "Goals and forms",
                "Goals on websites, forms and landing pages.",
                "OK",
                *("goal_interactions", "website_goals", "transactional_goals", "forms"),
                since=YEAR["start"],
            ),
            section(
                "automation",
                "Automation",
                "Scenarios, rules, exports and newsletters that run automatically.",
                "OK",
                *("scenarios", "segmentation_rules", "daily_exports", "newsletters"),
            ),
            section(
                "license",
                "License settings",
                "Users, sending domains, entities and data retention.",
                "OK",
                *("users", "api_users", "sending_domains", "entities", "retention"),
            ),
            section(
                "installations",
                "Installations",
                "Different installations that checked in during the period. Each counts once.",
                "OK",
                "active_installations",
            ),
        ],
    }


def test_a_counter_is_summed_over_the_billing_period_by_channel(reader: Client) -> None:
    assert readings_of(reader, "channels") == {
        "interactions": {
            "status": "AT_RISK",
            "used": 11_000_000,
            "limit": 12_000_000,
            "remaining": 1_000_000,
            "overage": 0,
            "utilization": 0.9166666666666666,
            "limitBasis": "1,000,000 profiles × 12 interactions per profile",
            "thresholds": [
                threshold(0.8, 9_600_000, "AT_RISK", "2026-02-20T22:59:59.999999Z"),
                threshold(1, 12_000_000, "EXCEEDED"),
            ],
            "period": YEAR,
            "breakdown": [
                share("channel", "marketing_email", "Marketing e-mails", 10_000_000),
                share("channel", "transactional_email", "Transactional e-mails", 0),
                share("channel", "print", "Print campaigns", 1_000_000),
                share("channel", "social", "Social campaigns", 0),
                share("channel", "call_center", "Call centre campaigns", 0),
            ],
            "measuredAt": NOW,
            "freshness": "FRESH",
            "problem": None,
        }
    }


def test_remaining_credits_are_granted_minus_spent_credits(reader: Client) -> None:
    assert readings_of(reader, "sms") == {
        "sms_credits": {
            "status": "OK",
            "used": 600,
            "limit": 1500.5,
            "remaining": 900.5,
            "overage": 0,
            "utilization": 600 / 1500.5,
            "limitBasis": "1,500.5 credits granted and not expired",
            "thresholds": [threshold(1, 1500.5, "EXCEEDED")],
            "period": None,
            "breakdown": [share("entity", "", "Not specified", 600)],
            "measuredAt": NOW,
            "freshness": "FRESH",
            "problem": None,
        }
    }


def test_levels_are_summed_and_a_meter_without_reports_is_unknown(reader: Client) -> None:
    readings = readings_of(reader, "data_model")
    assert readings["profiles"] == {
        "status": "EXCEEDED",
        "used": 1_050_000,
        "limit": 1_000_000,
        "remaining": 0,
        "overage": 50_000,
        "utilization": 1.05,
        "limitBasis": "1,000,000 profiles",
        "thresholds": [
            threshold(0.8, 800_000, "AT_RISK", "2026-03-09T22:59:59.999999Z"),
            threshold(1, 1_000_000, "EXCEEDED", "2026-03-09T22:59:59.999999Z"),
        ],
        "period": None,
        "breakdown": [share("entity", "be", "be", 600_000), share("entity", "nl", "nl", 450_000)],
        "measuredAt": NOW,
        "freshness": "FRESH",
        "problem": None,
    }
    assert readings["profile_tables"] == NEVER_REPORTED
    assert readings["custom_tables"] == {
        **NEVER_REPORTED,
        "status": "OK",
        "used": 40,
        "limit": 50,
        "remaining": 10,
        "overage": 0,
        "utilization": 0.8,
        "limitBasis": "50 custom tables",
        "thresholds": [threshold(1, 50, "EXCEEDED")],
        "breakdown": [
            share("type", "interaction", "Interaction tables", 0),
            share("type", "linked_data", "Linked data tables", 30),
            share("type", "repository", "Repository tables", 10),
        ],
    }


def test_a_ratio_exactly_at_its_limit_is_ok_and_a_limit_of_zero_has_no_utilization(reader: Client) -> None:
    assert readings_of(reader, "web")["goal_interactions"] == {
        **NEVER_REPORTED,
        "status": "OK",
        "used": 2,
        "limit": 2,
        "remaining": 0,
        "overage": 0,
        "utilization": 1,
        "limitBasis": "2 goal interactions per profile",
        "thresholds": [threshold(1, 2, "EXCEEDED")],
        "period": YEAR,
    }
    settings = readings_of(reader, "license")
    assert settings["users"] == {
        **NEVER_REPORTED,
        "status": "OK",
        "used": 0,
        "limit": 0,
        "remaining": 0,
        "overage": 0,
        "limitBasis": "0 users",
        "thresholds": [threshold(1, 0, "EXCEEDED")],
    }
    assert settings["retention"] == {
        **NEVER_REPORTED,
        "status": "OK",
        "limit": 25,
        "limitBasis": "25 retention months",
    }


def test_no_number_is_minus_zero(reader: Client) -> None:
    query = '{ consumption(license: "acme") { sections { readings { remaining overage breakdown { used } } } } }'
    assert "-0" not in reader.post("/graphql", json={"query": query}).text


def test_sections_can_be_chosen_by_key_and_by_status(reader: Client) -> None:
    query = """query ($keys: [String!], $status: [UsageStatus!]) {
      consumption(license: "acme") { sections(keys: $keys, status: $status) { key } }
    }"""

    def keys(**variables: object) -> list[str]:
        return [section["key"] for section in reader.data(query, **variables)["consumption"]["sections"]]

    assert keys(keys=["sms", "channels"]) == ["channels", "sms"]
    assert keys(status=["EXCEEDED", "AT_RISK"]) == ["channels", "data_model"]
    assert keys(keys=["sms"], status=["EXCEEDED"]) == []
    assert reader.error(query, keys=["chanels"]) == (
        "BAD_INPUT",
        "No section 'chanels'. Did you mean 'channels'?",
    )
    one = '{ consumption(license: "acme") { section(key: "nope") { key } } }'
    assert reader.data(one) == {"consumption": {"section": None}}


def test_a_breakdown_can_be_limited_to_one_dimension(reader: Client) -> None:
    query = """query ($dimension: String) { consumption(license: "acme") { section(key: "channels") {
      readings { breakdown(dimension: $dimension) { key } }
    } } }"""
    breakdown = [
        reader.data(query, dimension=dimension)["consumption"]["section"]["readings"][0]["breakdown"]
        for dimension in ("channel", "entity")
    ]
    assert [len(shares) for shares in breakdown] == [5, 0]


def test_a_key_for_one_license_may_omit_it_and_a_key_for_all_licenses_may_not(library: Served, reader: Client) -> None:
    query = "{ consumption { license { key name } } }"
    with library.client("consumption:read", license="acme") as own:
        assert own.data(query) == {"consumption": {"license": {"key": "acme", "name": "Acme Retail"}}}
    assert reader.error(query) == ("BAD_INPUT", "This key is for all licenses: name one with `license`.")


def test_license_has_its_contract_and_its_grants_newest_first(reader: Client) -> None:
    query = """{ license(key: "acme") {
      key name timeZone
      contract { version effectiveFrom startsOn billingPeriod warnings terms { key value } }
      grants { edges { node { key meter amount remaining entity grantedAt expiresAt } } }
      consumption { status version }
    } }"""
    terms = {
        "custom_tables": 50,
        "goal_interactions_per_profile": 2,
        "interactions_per_profile": 12,
        "profiles": 1_000_000,
        "retention_months": 25,
        "users": 0,
    }
    license = reader.data(query)["license"]
    assert nodes(license.pop("grants")) == [
        {
            "key": "g-2",
            "meter": "sms_credits",
            "amount": 1000.5,
            "remaining": 900.5,
            "entity": None,
            "grantedAt": "2026-02-02T00:00:00Z",
            "expiresAt": None,
        },
        {
            "key": "g-1",
            "meter": "sms_credits",
            "amount": 500,
            "remaining": 0,
            "entity": None,
            "grantedAt": "2026-02-01T00:00:00Z",
            "expiresAt": "2026-04-01T00:00:00Z",
        },
    ]
    assert license == {
        "key": "acme",
        "name": "Acme Retail",
        "timeZone": "Europe/Brussels",
        "contract": {
            "version": 1,
            "effectiveFrom": "2026-01-15",
            "startsOn": "2026-01-15",
            "billingPeriod": "P1Y",
            "warnings": False,
            "terms": [{"key": key, "value": value} for key, value in terms.items()],
        },
        "consumption": {"status": "EXCEEDED", "version": 4},
    }


def test_meters_and_plugins_list_what_is_installed(reader: Client) -> None:
    data = reader.data("""{
      meters { key title description unit enforcement section applications plugin { name } }
      plugins { name version loaded problem { code } meters { key } }
    }""")
    assert len(data["meters"]) == 20
    assert data["meters"][0] == {
        "key": "interactions",
        "title": "Interactions",
        "description": "Interactions in the billing period. One interaction is one campaign sent to one profile.",
        "unit": "interactions",
        "enforcement": "SOFT",
        "section": "channels",
        "applications": ["campaigns"],
        "plugin": {"name": "channels"},
    }
    assert [meter["enforcement"] for meter in data["meters"][-2:]] == ["NONE", "HARD"]
    assert {plugin["name"]: len(plugin["meters"]) for plugin in data["plugins"]} == {
        "automation": 4,
        "channels": 1,
        "data_model": 4,
        "installations": 1,
        "license": 5,
        "sms": 1,
        "web": 4,
    }
    assert all(plugin["loaded"] and plugin["problem"] is None for plugin in data["plugins"])


def test_a_license_lists_its_billing_periods_up_to_the_current_one(reader: Client) -> None:
    query = """query ($last: Int) { license(key: "acme") {
      periods(last: $last) { start end firstDay lastDay current contract { version } }
    } }"""
    found = reader.data(query, last=2)["license"]["periods"]
    assert found[-1] == {
        "start": "2026-01-14T23:00:00Z",
        "end": "2027-01-14T23:00:00Z",
        "firstDay": "2026-01-15",
        "lastDay": "2027-01-14",
        "current": True,
        "contract": {"version": 1},
    }
    assert [period["current"] for period in found[:-1]] == [False] * (len(found) - 1)
    assert reader.error(query, last=0) == ("BAD_INPUT", "last must be from 1 to 100, not 0.")
