"""Times at the ends of the calendar are refused or answered in every time zone."""

import pytest

from tests.api.server import Client, Served

TIMES = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T23:59:59.999999-14:00",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T00:00:00+14:00",
]
READINGS = "consumption(license: $license) { sections { readings { %s } } }"
FIELDS = {
    "consumption at": "consumption(license: $license, at: $time) { status }",
    "history from": READINGS % "history(from: $time) { edges { cursor } }",
    "history to": READINGS % "history(to: $time) { edges { cursor } }",
    "history by month": READINGS % "history(from: $time, interval: MONTH) { edges { cursor } }",
    "usage from": 'usage(license: $license, event: "interaction.sent", from: $time, interval: MONTH) { total }',
    "usage to": 'usage(license: $license, event: "interaction.sent", to: $time, interval: MONTH) { total }',
    "report from": "license(key: $license) { contractReport(from: $time) { meters { peak } } }",
    "report to": "license(key: $license) { contractReport(to: $time) { meters { peak } } }",
}


@pytest.fixture(params=["Pacific/Kiritimati", "America/New_York"])
def far(request: pytest.FixtureRequest, library: Served) -> str:
    """The key of a license in a time zone far from UTC."""
    key = f"far-{request.param.lower().replace('/', '-').replace('_', '-')}"
    put = "mutation($input: LicenseInput!) { putLicense(input: $input) { errors { message } } }"
    with library.client() as client:
        put_license = {"key": key, "name": "Far", "timeZone": request.param}
        assert client.data(put, input=put_license)["putLicense"]["errors"] == []
    return key


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_no_time_is_a_fault(reader: Client, far: str, field: str) -> None:
    for time in TIMES:
        query = f"query($license: String!, $time: DateTime) {{ {field} }}"
        sent = {"query": query, "variables": {"license": far, "time": time}}
        answer = reader.post("/graphql", json=sent).json()
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= {"BAD_INPUT", "TOO_COSTLY"}, (time, answer)
