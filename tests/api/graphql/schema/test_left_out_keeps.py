"""For every put, a field that is left out keeps its value, and null clears it."""

from typing import Any

import pytest

from core.administration.import_file import import_licenses, read_licenses
from tests.api.conftest import NOW
from tests.api.server import Client, Served

PUT_LICENSE = """mutation ($input: LicenseInput!) { putLicense(input: $input) {
  license { key name timeZone } errors { code message path }
} }"""
PUT_CONTRACT = """mutation ($input: ContractInput!) { putContract(input: $input) {
  contract { version billingPeriod warnings expiryNoticeDays alertAt { meter ratios } }
  errors { code message path }
} }"""
RICH = {
    "license": "acme",
    "effectiveFrom": "2026-01-01",
    "startsOn": "2026-01-01",
    "billingPeriod": "P3M",
    "anchor": "CALENDAR_YEAR",
    "warnings": True,
    "expiryNoticeDays": [60, 10],
    "atRisk": [{"meter": "forms", "ratio": 0.5}],
    "alertAt": [{"meter": "forms", "ratios": [0.25]}],
    "quotas": [{"meter": "active_installations", "backOffDays": 3}],
    "terms": [{"key": "forms", "value": 5}],
}
KEPT = {
    "billingPeriod": "P3M",
    "warnings": True,
    "expiryNoticeDays": [60, 10],
    "alertAt": [{"meter": "forms", "ratios": [0.25]}],
}


def put_license(client: Client, **input: object) -> Any:
    answer = client.data(PUT_LICENSE, input={"key": "acme", **input})["putLicense"]
    assert answer["errors"] == []
    return answer["license"]


def put_contract(client: Client, **input: object) -> Any:
    needed = {key: RICH[key] for key in ("license", "effectiveFrom", "startsOn", "terms")}
    answer = client.data(PUT_CONTRACT, input={**needed, **input})["putContract"]
    assert answer["errors"] == []
    return {key: value for key, value in answer["contract"].items() if key != "version"}


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    put_license(operator, name="Acme", timeZone="Asia/Tokyo")


def test_a_license_keeps_its_time_zone(operator: Client) -> None:
    assert put_license(operator, name="Acme Ltd") == {"key": "acme", "name": "Acme Ltd", "timeZone": "Asia/Tokyo"}


def test_null_sets_the_time_zone_back(operator: Client) -> None:
    assert put_license(operator, name="Acme", timeZone=None)["timeZone"] == "UTC"


def test_a_license_keeps_its_name(operator: Client) -> None:
    assert put_license(operator, timeZone="Europe/Brussels")["name"] == "Acme"


@pytest.mark.parametrize("effective_from", ["2026-01-01", "2026-02-01"])
def test_a_contract_keeps_what_the_version_in_force_says(operator: Client, effective_from: str) -> None:
    assert put_contract(operator, **RICH) == KEPT
    assert put_contract(operator, effectiveFrom=effective_from, terms=[{"key": "forms", "value": 9}]) == KEPT


def test_null_clears_what_a_contract_says(operator: Client) -> None:
    put_contract(operator, **RICH)
    nothing = dict.fromkeys(("billingPeriod", "anchor", "warnings", "expiryNoticeDays", "atRisk", "alertAt", "quotas"))
    assert put_contract(operator, **nothing) == {
        "billingPeriod": "P1Y",
        "warnings": False,
        "expiryNoticeDays": [30, 7],
        "alertAt": [],
    }


def imported(served: Served, text: str) -> None:
    runtime = served.runtime
    with runtime.database.write() as session:
        import_licenses(session, read_licenses("acme.yaml", text.encode()), runtime.registry, NOW)


def test_a_file_without_a_time_zone_keeps_it(served: Served, operator: Client) -> None:
    imported(served, "licenses: [{key: acme, name: Acme}]")
    assert operator.data('{ license(key: "acme") { timeZone } }')["license"]["timeZone"] == "Asia/Tokyo"


def test_a_file_with_a_time_zone_of_null_sets_it_back(served: Served, operator: Client) -> None:
    imported(served, "licenses: [{key: acme, name: Acme, time_zone: null}]")
    assert operator.data('{ license(key: "acme") { timeZone } }')["license"]["timeZone"] == "UTC"


def test_a_file_without_a_contracts_fields_keeps_them(served: Served, operator: Client) -> None:
    put_contract(operator, **RICH)
    imported(
        served,
        "licenses: [{key: acme, name: Acme, contracts: [{effective_from: 2026-01-01, starts_on: 2026-01-01, "
        "terms: {forms: 9}}]}]",
    )
    asked = "{ billingPeriod warnings expiryNoticeDays alertAt { meter ratios } }"
    assert operator.data(f'{{ license(key: "acme") {{ contract {asked} }} }}')["license"]["contract"] == KEPT


def test_a_webhook_endpoint_keeps_what_is_left_out(operator: Client) -> None:
    put = """mutation ($input: WebhookEndpointInput!) { putWebhookEndpoint(input: $input) {
      endpoint { key url kinds enabled } errors { code message path }
    } }"""
    first = {"license": "acme", "key": "hook", "url": "https://example.com/a", "kinds": ["threshold.crossed"]}
    made = operator.data(put, input={**first, "enabled": False})["putWebhookEndpoint"]
    assert made["errors"] == []
    again = operator.data(put, input={"license": "acme", "key": "hook", "url": "https://example.com/b"})
    assert again["putWebhookEndpoint"]["endpoint"] == {
        "key": "hook",
        "url": "https://example.com/b",
        "kinds": ["threshold.crossed"],
        "enabled": False,
    }
