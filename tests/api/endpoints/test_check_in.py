"""Installations call home, over HTTP and over GraphQL: the same rules, the same answers."""

import gzip
from collections.abc import Iterator
from time import sleep
from typing import Any

import pytest
import time_machine
from sqlmodel import select

from core.admission.tables import Installation
from core.settings import Settings
from tests.api.conftest import NOW
from tests.api.server import TRACE, Client, Served, serving
from tests.fixtures.outage import away
from tests.services.finder import Services

CHECK_IN = """mutation CheckIn($input: CheckInInput!) {
  checkIn(input: $input) { decision backOffDays retryAt quota remaining outage reason }
}"""
REPORT = """query Report($window: Date, $meter: String) {
  consumption(license: "acme") {
    installations(window: $window, meter: $meter) {
      period { start end } quota active new returning lost refused skewed
    }
  }
}"""
READING = """{ consumption(license: "acme") {
  version status
  section(key: "installations") {
    status updatedAt consumptionSince
    readings {
      meter { key enforcement } status used limit remaining overage utilization limitBasis freshness measuredAt
      thresholds { ratio value status crossedAt } period { start end } breakdown { key }
      history { edges { node { at used limit status } } }
    }
  }
} }"""


def put_quota(client: Client, places: int | None, **quota: Any) -> None:
    terms = [] if places is None else [{"key": "active_installations", "value": places}]
    given = {
        "license": "acme",
        "effectiveFrom": "2026-01-01",
        "startsOn": "2026-01-01",
        "terms": terms,
        "quotas": [{"meter": "active_installations", **quota}] if quota else None,
    }
    query = """mutation Put($input: ContractInput!) {
      putLicense(input: {key: "acme", name: "Acme"}) { errors { message } }
      putContract(input: $input) { errors { code message path } }
    }"""
    answer = client.data(query, input=given)
    assert (answer["putLicense"]["errors"], answer["putContract"]["errors"]) == ([], [])


@pytest.fixture
def fleet(served: Served, operator: Client) -> Iterator[Client]:
    """A client that may let installations of every license check in, and nothing else."""
    with served.client("check-in:write") as client:
        yield client


def over_http(client: Client, installation: str) -> tuple[int, dict[str, Any]]:
    answer = client.post("/check-in", json={"license": "acme", "installation": installation})
    return answer.status_code, answer.json()


def over_graphql(client: Client, installation: str) -> dict[str, Any]:
    given = {"license": "acme", "installation": installation}
    found: dict[str, Any] = client.data(CHECK_IN, input=given)["checkIn"]
    return found


def test_an_installation_is_admitted_then_known_and_over_the_quota_told_to_back_off(
    fleet: Client, operator: Client
) -> None:
    put_quota(operator, 1)
    nothing = {"backOffDays": None, "retryAt": None, "outage": False, "reason": None}
    assert over_http(fleet, "a") == (200, {"decision": "ADMITTED", "quota": 1, "remaining": 0, **nothing})
    assert over_http(fleet, "a") == (200, {"decision": "KNOWN", "quota": 1, "remaining": 0, **nothing})
    refused = fleet.post("/check-in", json={"license": "acme", "installation": "b"})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == str((21 * 24 + 14) * 3600 + 30 * 60)  # from 10 March at 9:30
    assert refused.json() == {
        "decision": "BACK_OFF",
        "backOffDays": 22,
        "retryAt": "2026-04-01T00:00:00Z",
        "quota": 1,
        "remaining": 0,
        "outage": False,
        "reason": None,
    }
    assert over_http(fleet, "b") == (429, refused.json())
    assert over_graphql(fleet, "a") == {"decision": "KNOWN", "quota": 1, "remaining": 0, **nothing}
    assert over_graphql(fleet, "b") == refused.json()
    assert over_graphql(fleet, "c")["decision"] == "BACK_OFF"


def test_without_a_quota_there_is_nothing_to_count_down(fleet: Client, operator: Client) -> None:
    put_quota(operator, None)
    status, answer = over_http(fleet, "a")
    assert (status, answer["decision"], answer["quota"], answer["remaining"]) == (200, "ADMITTED", None, None)


def test_the_contract_says_how_long_to_back_off(fleet: Client, operator: Client) -> None:
    put_quota(operator, 0, backOffDays=3)
    answer = fleet.post("/check-in", json={"license": "acme", "installation": "a"})
    assert (answer.json()["backOffDays"], answer.json()["retryAt"]) == (3, "2026-03-13T09:30:00Z")
    assert answer.headers["retry-after"] == str(3 * 86_400)


def test_how_a_quota_is_kept_is_read_as_it_was_put_and_a_wrong_one_named(operator: Client) -> None:
    given = {
        "window": "P7D", "backOffDays": 2, "lostAfterDays": 30, "onOutage": "LET_THROUGH", "identifiers": "HASHED",
    }  # fmt: skip
    put_quota(operator, 5, **given)
    query = """{ license(key: "acme") { contract { version quotas {
      meter window backOffDays lostAfterDays onOutage identifiers
    } } } }"""
    found = operator.data(query)["license"]["contract"]
    assert found == {"version": 1, "quotas": [{"meter": "active_installations", **given}]}
    put_quota(operator, 5, **given)
    assert operator.data(query)["license"]["contract"] == found
    wrong = """mutation { putContract(input: {
      license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", terms: [], quotas: [
        {meter: "active_installations", backOffDays: 0, lostAfterDays: 4000}, {meter: "users"}, {meter: "users"}
      ]
    }) { errors { code message path } } }"""
    assert operator.data(wrong)["putContract"]["errors"] == [
        {"code": "BAD_INPUT", "message": "meter 'users' is there twice.", "path": ["quotas", "2", "meter"]},
        {
            "code": "BAD_INPUT",
            "message": "backOffDays must be from 1 to 3660, not 0.",
            "path": ["quotas", "0", "backOffDays"],
        },
        {
            "code": "BAD_INPUT",
            "message": "lostAfterDays must be from 1 to 3660, not 4000.",
            "path": ["quotas", "0", "lostAfterDays"],
        },
        {"code": "UNKNOWN_METER", "message": "The meter 'users' has no hard quota.", "path": ["quotas", "1", "meter"]},
        {"code": "UNKNOWN_METER", "message": "The meter 'users' has no hard quota.", "path": ["quotas", "2", "meter"]},
    ]


BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "BAD_INPUT"),
    (b"null", 400, "BAD_INPUT"),
    (b"1", 400, "BAD_INPUT"),
    (b"[]", 400, "BAD_INPUT"),
    (b'{"license": "acme"', 400, "BAD_INPUT"),
    (b"[" * 10_000, 400, "BAD_INPUT"),
    (b"\xff\xfe", 400, "BAD_INPUT"),
    (b'{"license": "acme"}', 400, "BAD_INPUT"),
    (b'{"installation": "a"}', 400, "BAD_INPUT"),
    (b'{"license": "acme", "installation": ""}', 400, "BAD_INPUT"),
    (b'{"license": "acme", "installation": 7}', 400, "BAD_INPUT"),
    (b'{"license": ["acme"], "installation": "a"}', 400, "BAD_INPUT"),
    (b'{"license": "acme", "installation": "a", "more": 1}', 400, "BAD_INPUT"),
    (b'{"license": "acme", "installation": "' + b"x" * 201 + b'"}', 400, "BAD_INPUT"),
    (b'{"license": "acme", "installation": "a", "meter": "users"}', 400, "NO_QUOTA"),
    (b'{"license": "acme", "installation": "a", "meter": "user"}', 404, "NOT_FOUND"),
    (b'{"license": "nobody", "installation": "a"}', 404, "NOT_FOUND"),
    (b'{"license": "", "installation": "a"}', 404, "NOT_FOUND"),
    (b'{"license": "a\\u0000", "installation": "a"}', 404, "NOT_FOUND"),
    (b'{"license": "acme", "installation": "' + b"x" * 20_000 + b'"}', 413, "TOO_LARGE"),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES, ids=lambda value: str(value)[:50])
def test_what_cannot_be_a_check_in_gets_a_coded_error_and_leaves_nothing(
    library: Served, reader: Client, body: bytes, status: int, code: str
) -> None:
    answer = reader.post("/check-in", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"].endswith(".")
    with library.runtime.database.read() as session:
        assert session.exec(select(Installation)).all() == []


def test_a_body_may_come_in_pieces_and_packed(fleet: Client, operator: Client) -> None:
    put_quota(operator, 2)
    body = b'{"license": "acme", "installation": "a"}'
    pieces = fleet.post("/check-in", content=iter([body[:10], body[10:]]))
    assert (pieces.status_code, pieces.json()["decision"]) == (200, "ADMITTED")
    packed = fleet.post("/check-in", content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert (packed.status_code, packed.json()["decision"]) == (200, "KNOWN")


def test_only_keys_with_the_scope_for_that_license_may_check_in(served: Served, operator: Client) -> None:
    put_quota(operator, 2)
    given = {"license": "acme", "installation": "a"}
    with served.anonymous() as nobody:
        answer = nobody.post("/check-in", json=given)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for scope in ("consumption:read", "usage:write", "contract:write", "operate"):
        with served.client(scope) as other:
            assert other.post("/check-in", json=given).json()["error"]["code"] == "FORBIDDEN"
    with served.client("check-in:write", license="acme") as own:
        assert own.post("/check-in", json=given).json()["decision"] == "ADMITTED"
        for license in ("globex", "nobody"):
            answer = own.post("/check-in", json={"license": license, "installation": "a"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
        assert own.get("/check-in").status_code == 405


def test_thousands_of_new_installations_of_one_key_are_told_when_to_come_back(
    database_url: str, clock: time_machine.Traveller
) -> None:
    settings = Settings(database_url=database_url, new_installations_per_second=2)
    with serving(settings) as served, served.client() as operator, served.client("check-in:write") as fleet:
        put_quota(operator, None)
        answers = [
            fleet.post("/check-in", json={"license": "acme", "installation": f"i-{number}"}) for number in range(40)
        ]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert 1 <= len(limited) <= 20
        assert {answer.json()["error"]["code"] for answer in limited} == {"RATE_LIMITED"}
        assert limited[0].headers["retry-after"] == "1"
        assert over_http(fleet, "i-0")[1]["decision"] == "KNOWN"
        # On a slow machine the time of a request or two is enough for one installation more.
        given = ({"query": CHECK_IN, "variables": {"input": _given(f"never-{number}")}} for number in range(40))
        told = (fleet.post("/graphql", json=one).json() for one in given)
        error = next(answer for answer in told if "errors" in answer)
        assert error["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "trace": TRACE, "retryAfter": 1}


def _given(installation: str) -> dict[str, str]:
    return {"license": "acme", "installation": installation}


def test_the_reading_is_live_and_like_every_other(
    served: Served, fleet: Client, operator: Client, clock: time_machine.Traveller
) -> None:
    put_quota(operator, 10)
    served.refresh()

    def reading() -> tuple[dict[str, Any], dict[str, Any]]:
        consumption = operator.data(READING)["consumption"]
        (found,) = consumption["section"]["readings"]
        return consumption, found

    before, empty = reading()
    assert (empty["used"], empty["limit"], empty["remaining"], empty["status"]) == (0, 10, 10, "OK")
    assert [mark["crossedAt"] for mark in empty["thresholds"]] == [None] * 3
    for number in range(9):
        over_http(fleet, f"i-{number}")
    after, found = reading()
    assert after["version"] == before["version"] + 9
    assert found == {
        **empty,
        "used": 9,
        "remaining": 1,
        "utilization": 0.9,
        "measuredAt": "2026-03-10T09:30:00Z",
        "freshness": "FRESH",
        "meter": {"key": "active_installations", "enforcement": "HARD"},
        "limitBasis": "10 active installations",
        "period": {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"},
        "breakdown": [],
        "thresholds": [
            {"ratio": 0.8, "value": 8, "status": "OK", "crossedAt": "2026-03-10T09:30:00Z"},
            {"ratio": 0.9, "value": 9, "status": "OK", "crossedAt": "2026-03-10T09:30:00Z"},
            {"ratio": 1, "value": 10, "status": "EXCEEDED", "crossedAt": None},
        ],
    }
    clock.shift(60)
    served.refresh()  # which was asked for when the quota filled
    _, kept = reading()
    assert [mark["crossedAt"] for mark in kept["thresholds"]][:2] == ["2026-03-10T09:31:00Z"] * 2
    assert kept["history"]["edges"][-1]["node"] == {
        "at": "2026-03-10T09:31:00Z", "used": 9, "limit": 10, "status": "OK",
    }  # fmt: skip
    clock.move_to(NOW.replace(month=4))
    _, turned = reading()
    assert (turned["used"], turned["period"]["start"]) == (0, "2026-04-01T00:00:00Z")


def test_the_past_shows_what_was_active_at_the_end_of_its_days(
    served: Served, fleet: Client, operator: Client, clock: time_machine.Traveller
) -> None:
    put_quota(operator, 10)
    for day in range(10, 13):
        clock.move_to(NOW.replace(day=day))
        over_http(fleet, f"i-{day}")
    clock.move_to(NOW.replace(month=4))
    used: dict[str, tuple[object, object]] = {}
    for past in ("2026-03-09", "2026-03-10", "2026-03-12", "2026-03-31", "2026-04-05"):
        query = f"""{{ consumption(license: "acme", at: "{past}T12:00:00Z") {{
          section(key: "installations") {{ readings {{ used }} }} installations {{ active period {{ start }} }}
        }} }}"""
        found = operator.data(query)["consumption"]
        used[past] = found["section"]["readings"][0]["used"], found["installations"]["active"]
    assert used == {
        "2026-03-09": (0, 3),
        "2026-03-10": (1, 3),
        "2026-03-12": (3, 3),
        "2026-03-31": (3, 3),
        "2026-04-05": (0, 0),
    }


def test_the_report_of_a_window(fleet: Client, operator: Client, clock: time_machine.Traveller) -> None:
    put_quota(operator, 2)
    for installation in ("a", "b"):
        over_http(fleet, installation)
    clock.move_to(NOW.replace(month=4))
    for installation in ("c", "b", "a", "a"):
        over_http(fleet, installation)
    april = {
        "period": {"start": "2026-04-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"},
        "quota": 2,
        "active": 2,
        "new": 1,
        "returning": 1,
        "lost": 0,
        "refused": 1,
        "skewed": True,
    }
    march = {
        "period": {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"},
        "quota": 2, "active": 2, "new": 2, "returning": 0, "lost": 0, "refused": 0, "skewed": False,
    }  # fmt: skip
    assert operator.data(REPORT)["consumption"]["installations"] == april
    assert operator.data(REPORT, window="2026-04-30")["consumption"]["installations"] == april
    assert operator.data(REPORT, window="2026-03-31")["consumption"]["installations"] == march
    assert operator.data(REPORT, window="1999-01-01")["consumption"]["installations"] is None
    assert operator.error(REPORT, window="2026-05-01")[0] == "BAD_INPUT"
    assert operator.error(REPORT, meter="users")[0] == "NO_QUOTA"


def test_a_raised_quota_is_in_force_with_the_next_call(fleet: Client, operator: Client) -> None:
    put_quota(operator, 1)
    assert [over_http(fleet, one)[1]["decision"] for one in "ab"] == ["ADMITTED", "BACK_OFF"]
    put_quota(operator, 2)
    assert [over_http(fleet, one)[1]["decision"] for one in "bc"] == ["ADMITTED", "BACK_OFF"]


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_while_the_database_is_away_those_pass_whom_the_license_lets_and_the_others_hear_of_it(
    database_url: str, services: Services
) -> None:
    settings = Settings(database_url=database_url)
    with serving(settings) as served, served.client() as operator, served.client("check-in:write") as fleet:
        put_quota(operator, 2, onOutage="LET_THROUGH")
        assert over_http(fleet, "a")[1]["decision"] == "ADMITTED"
        with away(services.url("postgres"), served.runtime.database):
            sleep(1.5)  # longer than anything is believed without asking
            assert over_http(fleet, "a") == (
                200,
                {
                    "decision": "KNOWN",
                    "backOffDays": None,
                    "retryAt": None,
                    "quota": None,
                    "remaining": None,
                    "outage": True,
                    "reason": None,
                },
            )
            refused = fleet.post("/check-in", json={"license": "acme", "installation": "b"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert refused.json()["error"]["code"] == "UNAVAILABLE"
            with served.anonymous() as nobody:
                guess = {"Authorization": "Bearer alw_never-seen-before"}
                answer = nobody.post("/check-in", json={"license": "acme", "installation": "a"}, headers=guess)
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert [over_http(fleet, one)[1]["decision"] for one in "abc"] == ["KNOWN", "ADMITTED", "BACK_OFF"]
