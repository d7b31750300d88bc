"""Contracts that end, over GraphQL."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from tests.api.server import Client

PUT = """mutation ($input: ContractInput!) { putContract(input: $input) {
  contract { version effectiveFrom endsOn } errors { code path }
} }"""
STATE = '{ license(key: "acme") { contract { version endsOn } contracts { version effectiveFrom endsOn } } }'


def put_contract(client: Client, effective_from: str, value: float = 5, **input: object) -> Any:
    return client.data(
        PUT,
        input={
            "license": "acme",
            "effectiveFrom": effective_from,
            "startsOn": "2026-01-01",
            "terms": [{"key": "forms", "value": value}],
            **input,
        },
    )["putContract"]


@pytest.fixture
def license(operator: Client) -> None:
    put = 'mutation { putLicense(input: {key: "acme", name: "Acme", timeZone: "Asia/Tokyo"}) { errors { code } } }'
    assert operator.data(put) == {"putLicense": {"errors": []}}


@pytest.mark.usefixtures("license")
def test_a_contract_ends_with_its_last_day_in_the_time_zone_of_the_license(
    operator: Client, clock: time_machine.Traveller
) -> None:
    first = put_contract(operator, "2026-01-01", endsOn="2026-03-31")
    assert first["contract"] == {"version": 1, "effectiveFrom": "2026-01-01", "endsOn": "2026-03-31"}
    put_contract(operator, "2026-05-01")
    versions = [
        {"version": 2, "effectiveFrom": "2026-05-01", "endsOn": None},
        {"version": 1, "effectiveFrom": "2026-01-01", "endsOn": "2026-03-31"},
    ]
    midnight = datetime(2026, 3, 31, 15, tzinfo=UTC)
    for at, contract in (
        (midnight.replace(hour=14, minute=59, second=59), {"version": 1, "endsOn": "2026-03-31"}),
        (midnight, None),
        (datetime(2026, 4, 30, 14, 59, 59, tzinfo=UTC), None),
        (datetime(2026, 4, 30, 15, tzinfo=UTC), {"version": 2, "endsOn": None}),
    ):
        clock.move_to(at)
        assert operator.data(STATE) == {"license": {"contract": contract, "contracts": versions}}


@pytest.mark.usefixtures("license")
def test_null_clears_the_end(operator: Client) -> None:
    put_contract(operator, "2026-01-01", endsOn="2026-03-31")
    assert put_contract(operator, "2026-01-01")["contract"]["endsOn"] == "2026-03-31"
    assert put_contract(operator, "2026-01-01", endsOn=None)["contract"]["endsOn"] is None


@pytest.mark.usefixtures("license")
def test_an_end_before_the_begin_is_an_error_of_the_input(operator: Client) -> None:
    answer = put_contract(operator, "2026-01-01", endsOn="2025-12-31")
    assert answer == {"contract": None, "errors": [{"code": "BAD_INPUT", "path": ["endsOn"]}]}
