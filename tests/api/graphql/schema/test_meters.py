"""Meters in the schema: their kinds, and the events that a platform must send for them."""

from tests.api.server import Client

METERS = """{ meters {
  key kind limitTerms sectionOf { key title }
  events { type kind field dimensions { key title values { key title } } }
} }"""


def test_each_meter_names_its_kind(reader: Client) -> None:
    kinds = {meter["key"]: meter["kind"] for meter in reader.data("{ meters { key kind } }")["meters"]}
    levels = dict.fromkeys(kinds, "LEVEL")
    assert kinds == levels | {
        "interactions": "COUNTER",
        "sms_credits": "CREDITS",
        "goal_interactions": "RATIO",
        "retention": "TERM",
        "active_installations": "ADMISSION",
    }


def test_a_meter_names_its_terms_its_section_and_the_events_to_send(reader: Client) -> None:
    meters = {meter["key"]: meter for meter in reader.data(METERS)["meters"]}
    assert meters["interactions"] == {
        "key": "interactions",
        "kind": "COUNTER",
        "limitTerms": ["profiles", "interactions_per_profile"],
        "sectionOf": {"key": "channels", "title": "Channels"},
        "events": [
            {
                "type": "interaction.sent",
                "kind": "counter",
                "field": "quantity",
                "dimensions": [
                    {
                        "key": "channel",
                        "title": "Channel",
                        "values": [
                            {"key": "marketing_email", "title": "Marketing e-mails"},
                            {"key": "transactional_email", "title": "Transactional e-mails"},
                            {"key": "print", "title": "Print campaigns"},
                            {"key": "social", "title": "Social campaigns"},
                            {"key": "call_center", "title": "Call centre campaigns"},
                        ],
                    }
                ],
            }
        ],
    }
    ratio = meters["goal_interactions"]
    assert [(event["type"], event["field"]) for event in ratio["events"]] == [
        ("goal.triggered", "quantity"),
        ("profiles.level", "value"),
    ]
    assert meters["retention"]["events"] == meters["active_installations"]["events"] == []
    assert meters["sms_credits"]["limitTerms"] == []
