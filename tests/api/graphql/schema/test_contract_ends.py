"""Contracts that end or are withdrawn, and suspended licenses, over GraphQL and HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from core.access.keys import Scope
from tests.api.server import Client, Served

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


WITHDRAW = """mutation ($version: Int!, $begun: Boolean! = false) {
  withdrawContract(input: {license: "acme", version: $version, begun: $begun}) { withdrawn errors { code path } }
}"""
SUSPEND = """mutation ($reason: String!) { suspendLicense(input: {license: "acme", reason: $reason}) {
  license { key state suspended { code message since } } errors { code path }
} }"""
RESUME = """mutation { resumeLicense(input: {license: "acme"}) {
  license { state suspended { code } } errors { code path }
} }"""
CHECK_IN = """mutation ($installation: String!) {
  checkIn(input: {license: "acme", installation: $installation}) {
    decision reason quota remaining backOffDays retryAt outage
  }
}"""
REFUSED = {
    "decision": "REFUSED", "quota": None, "remaining": None, "backOffDays": None, "retryAt": None, "outage": False
}  # fmt: skip


def decision(client: Client, installation: str = "a") -> str:
    answer: str = client.data(CHECK_IN, installation=installation)["checkIn"]["decision"]
    return answer


@pytest.mark.usefixtures("license")
def test_a_version_to_come_is_withdrawn_and_one_that_has_begun_by_name(operator: Client) -> None:
    put_contract(operator, "2026-01-01")
    put_contract(operator, "2026-04-01", 7)
    begun = {"withdrawn": False, "errors": [{"code": "CONTRACT_BEGUN", "path": ["version"]}]}
    assert operator.data(WITHDRAW, version=1)["withdrawContract"] == begun
    for _ in range(2):
        assert operator.data(WITHDRAW, version=2)["withdrawContract"] == {"withdrawn": True, "errors": []}
        state = operator.data(STATE)["license"]
        assert [one["version"] for one in state["contracts"]] == [1]
        assert state["contract"]["version"] == 1
    for _ in range(2):
        answer = operator.data(WITHDRAW, version=1, begun=True)
        assert answer["withdrawContract"] == {"withdrawn": True, "errors": []}
        assert operator.data(STATE)["license"] == {"contract": None, "contracts": []}
    unknown = {"withdrawn": False, "errors": [{"code": "UNKNOWN_VERSION", "path": ["version"]}]}
    for version in (0, -1, 3, 2**31 - 1):
        assert operator.data(WITHDRAW, version=version)["withdrawContract"] == unknown


@pytest.mark.usefixtures("license")
def test_a_suspended_license_says_so_with_the_reason_until_it_is_resumed(operator: Client) -> None:
    put_contract(operator, "2026-01-01")
    suspended = {"code": "SUSPENDED", "message": "unpaid", "since": "2026-03-10T09:30:00Z"}
    for _ in range(2):
        assert operator.data(SUSPEND, reason="unpaid")["suspendLicense"] == {
            "license": {"key": "acme", "state": "SUSPENDED", "suspended": suspended},
            "errors": [],
        }
    listed = operator.data("{ licenses { edges { node { state suspended { message } } } } }")
    assert listed["licenses"]["edges"] == [{"node": {"state": "SUSPENDED", "suspended": {"message": "unpaid"}}}]
    assert operator.data(SUSPEND, reason="")["suspendLicense"] == {
        "license": None,
        "errors": [{"code": "BAD_INPUT", "path": ["reason"]}],
    }
    for _ in range(2):
        assert operator.data(RESUME)["resumeLicense"] == {
            "license": {"state": "ACTIVE", "suspended": None},
            "errors": [],
        }


@pytest.mark.usefixtures("license")
def test_check_ins_follow_every_change_at_once(operator: Client) -> None:
    no_contract = {**REFUSED, "reason": "No contract of the license is in force."}
    assert operator.data(CHECK_IN, installation="a")["checkIn"] == no_contract
    put_contract(operator, "2026-01-01")
    assert [decision(operator), decision(operator)] == ["ADMITTED", "KNOWN"]
    operator.data(SUSPEND, reason="unpaid")
    suspended = {**REFUSED, "reason": "The license is suspended: unpaid"}
    assert operator.data(CHECK_IN, installation="a")["checkIn"] == suspended
    operator.data(RESUME)
    assert decision(operator) == "KNOWN"
    operator.data(WITHDRAW, version=1, begun=True)
    assert decision(operator) == "REFUSED"
    put_contract(operator, "2026-01-01", endsOn="2026-03-09")
    assert decision(operator) == "REFUSED"
    put_contract(operator, "2026-01-01", endsOn="2026-03-10")
    assert decision(operator) == "KNOWN"


@pytest.mark.usefixtures("license")
def test_over_http_a_refusal_is_forbidden_with_its_reason(served: Served, operator: Client) -> None:
    answer = operator.post("/check-in", json={"license": "acme", "installation": "a"})
    assert answer.status_code == 403
    assert answer.json() == {**REFUSED, "reason": "No contract of the license is in force."}
    put_contract(operator, "2026-01-01")
    answer = operator.post("/check-in", json={"license": "acme", "installation": "a"})
    assert (answer.status_code, answer.json()["decision"], answer.json()["reason"]) == (200, "ADMITTED", None)


CONSUMPTION = """query ($at: DateTime) {
  consumption(license: "acme", at: $at) { problem { code message since } license { state } }
}"""


@pytest.mark.usefixtures("license")
def test_the_consumption_says_that_no_contract_is_in_force(operator: Client, clock: time_machine.Traveller) -> None:
    def problem(at: str | None = None) -> Any:
        return operator.data(CONSUMPTION, at=at)["consumption"]["problem"]

    none = {"code": "NO_CONTRACT", "message": "No contract is in force: usage is compared with no limit."}
    assert problem() == {**none, "since": "2025-12-31T15:00:00Z"}
    put_contract(operator, "2026-03-01", endsOn="2026-03-20")
    assert problem() is None
    assert problem("2026-02-28T12:00:00Z") == {**none, "since": "2025-12-31T15:00:00Z"}
    clock.move_to(datetime(2026, 3, 20, 14, 59, 59, tzinfo=UTC))
    assert problem() is None
    clock.move_to(datetime(2027, 5, 1, tzinfo=UTC))
    assert problem() == {**none, "since": "2026-03-20T15:00:00Z"}
    assert operator.data(CONSUMPTION)["consumption"]["license"] == {"state": "NO_CONTRACT"}
    assert problem("2026-03-20T12:00:00Z") is None


def test_only_a_key_that_may_write_contracts_suspends_and_withdraws(served: Served, operator: Client) -> None:
    with served.client(Scope.CONSUMPTION_READ, Scope.USAGE_WRITE) as reader:
        for query, variables in ((WITHDRAW, {"version": 1}), (SUSPEND, {"reason": "x"}), (RESUME, {})):
            code, _ = reader.error(query, **variables)
            assert code == "FORBIDDEN"
