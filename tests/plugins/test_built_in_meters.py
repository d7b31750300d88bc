"""The built-in meters, as contracts and front ends know them."""

from decimal import Decimal
from importlib import import_module

import pytest
from allowance import Admission, Counter, Credits, Level, Ratio, Term
from allowance.contribution import check_plugin
from allowance.testing import Event, measure

MODULES = ("channels", "sms", "data_model", "web", "automation", "license", "installations")
CHANNELS = ["marketing_email", "transactional_email", "print", "social", "call_center"]
TABLES = ["interaction", "linked_data", "repository"]
EXPORTS = ["incremental", "periodic_full", "out_flow"]
DOMAINS = ["standard", "transactional"]

INTERACTIONS = ("profiles", "interactions_per_profile")

EXPECTED = [
    ("channels", "interactions", Counter, "interaction.sent", INTERACTIONS, "0.8", {"channel": CHANNELS}),
    ("sms", "sms_credits", Credits, "sms.sent", (), None, {"entity": []}),
    ("data_model", "profiles", Level, "profiles.level", ("profiles",), "0.8", {"entity": []}),
    ("data_model", "profile_tables", Level, "profile_tables.level", ("profile_tables",), None, {}),
    ("data_model", "custom_tables", Level, "custom_tables.level", ("custom_tables",), None, {"type": TABLES}),
    ("data_model", "subscriptions", Level, "subscriptions.level", ("subscriptions",), None, {}),
    ("web", "goal_interactions", Ratio, "goal.triggered", ("goal_interactions_per_profile",), None, {}),
    ("web", "website_goals", Level, "website_goals.level", ("website_goals",), None, {}),
    ("web", "transactional_goals", Level, "transactional_goals.level", ("transactional_goals",), None, {}),
    ("web", "forms", Level, "forms.level", ("forms",), None, {}),
    ("automation", "scenarios", Level, "scenarios.level", ("scenarios",), None, {}),
    ("automation", "segmentation_rules", Level, "segmentation_rules.level", ("segmentation_rules",), None, {}),
    ("automation", "daily_exports", Level, "daily_exports.level", ("daily_exports",), None, {"type": EXPORTS}),
    ("automation", "newsletters", Level, "newsletters.level", ("newsletters",), None, {}),
    ("license", "users", Level, "users.level", ("users",), None, {}),
    ("license", "api_users", Level, "api_users.level", ("api_users",), None, {}),
    ("license", "sending_domains", Level, "sending_domains.level", ("sending_domains",), None, {"type": DOMAINS}),
    ("license", "entities", Level, "entities.level", ("entities",), None, {}),
    ("license", "retention", Term, None, ("retention_months",), None, {}),
    ("installations", "active_installations", Admission, None, ("active_installations",), None, {}),
]  # fmt: skip

CONTRIBUTIONS = {name: check_plugin(import_module(f"meters.{name}")) for name in MODULES}
METERS = {meter.key: meter for found in CONTRIBUTIONS.values() for meter in found.meters}


def test_each_module_contributes_the_section_of_its_name() -> None:
    titles = {section.key: section.title for found in CONTRIBUTIONS.values() for section in found.sections}
    assert titles == {
        "channels": "Channels",
        "sms": "SMS",
        "data_model": "Data model",
        "web": "Goals and forms",
        "automation": "Automation",
        "license": "License settings",
        "installations": "Installations",
    }


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: row[1])
def test_built_in_meters_have_their_published_keys_and_units(expected: tuple[object, ...]) -> None:
    meter = METERS[str(expected[1])]
    by = {dimension.key: list(dimension.values) for dimension in meter.by}
    event = meter.events()[0].name if meter.events() else None
    at_risk = None if meter.at_risk is None else str(meter.at_risk)
    assert (meter.section, meter.key, type(meter), event, meter.limit_terms, at_risk, by) == expected


def test_goals_per_profile_are_counted_over_all_goals_and_profiles() -> None:
    reading = measure(
        METERS["goal_interactions"],
        [Event("goal.triggered", 9), Event("profiles.level", 4, entity="be"), Event("profiles.level", 2, entity="fr")],
        terms={"goal_interactions_per_profile": Decimal("1.5")},
    )
    assert reading.limit
    assert (reading.used, reading.limit.value) == (Decimal("1.5"), Decimal("1.5"))


def test_the_basis_of_the_limit_of_interactions_shows_the_calculation() -> None:
    reading = measure(METERS["interactions"], terms={"profiles": 1_000_000, "interactions_per_profile": 12})
    assert reading.limit
    assert (reading.limit.value, reading.limit.basis) == (
        12_000_000,
        "1,000,000 profiles × 12 interactions per profile",
    )
