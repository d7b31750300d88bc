"""What one tenant may grow is bounded, each by a setting and a code."""

from collections.abc import Iterator

import pytest

from core.settings import Settings
from tests.api.server import Served, serving

PUT = """mutation ($admins: [AdminInput!]) {
  putLicense(input: {key: "acme", name: "Acme", admins: $admins}) { errors { code message path } }
}"""
CONTRACT = """mutation ($day: Date!, $users: Float!) { putContract(input: {
  license: "acme", effectiveFrom: $day, startsOn: "2026-01-01", terms: [{key: "users", value: $users}]
}) { errors { code message path } } }"""
REFRESH = 'mutation ($sections: [String!]) { refreshConsumption(license: "acme", sections: $sections) { id } }'


@pytest.fixture
def bounded(database_url: str) -> Iterator[Served]:
    settings = Settings(
        database_url=database_url, max_admins=2, max_contract_versions=2, refresh_requests_per_hour=2
    )  # fmt: skip
    with serving(settings) as served, served.client() as operator:
        operator.data(PUT, admins=[])
        yield served


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_admins_contract_versions_and_refresh_requests_are_bounded(bounded: Served) -> None:
    with bounded.client() as operator:

        def put_admins(number: int) -> object:
            admins = [{"email": f"a{one}@example.com"} for one in range(number)]
            return operator.data(PUT, admins=admins)["putLicense"]["errors"]

        def put_contract(day: str, users: int) -> object:
            return operator.data(CONTRACT, day=day, users=users)["putContract"]["errors"]

        assert put_admins(2) == []
        message = "admins must be 2 at most, not 3; an operator can raise ALLOWANCE_MAX_ADMINS."
        assert put_admins(3) == [{"code": "TOO_MANY_ADMINS", "message": message, "path": ["admins"]}]

        assert put_contract("2026-01-01", 1) == put_contract("2026-02-01", 1) == put_contract("2026-02-01", 1) == []
        message = (
            "The contract has 2 versions, and 2 are allowed; an operator can raise ALLOWANCE_MAX_CONTRACT_VERSIONS."
        )
        refused = [{"code": "TOO_MANY_VERSIONS", "message": message, "path": ["effectiveFrom"]}]
        assert put_contract("2026-03-01", 2) == refused

        first = operator.data(REFRESH, sections=["sms"])
        assert operator.data(REFRESH, sections=["sms"]) == first  # the equal request that waits
        operator.data(REFRESH, sections=["web"])
        code, said = operator.error(REFRESH, sections=["license"])
        assert code == "RATE_LIMITED"
        assert said.startswith("Refreshes of this license are requested too often. Come back in 3")
        assert operator.data(REFRESH, sections=["sms"]) == first
