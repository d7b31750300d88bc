"""Contract reports over GraphQL."""

from typing import Any

from tests.api.server import Client

REPORT = """
query ($from: DateTime, $to: DateTime, $terms: [TermInput!]) {
  license(key: "acme") { contractReport(from: $from, to: $to, terms: $terms) {
    from to
    meters {
      meter { key } contractVersion committed usedAtEnd peak peakOn firstCrossing overage refused
      days { status days } suggestedLimit suggestedBecause
    }
  } }
}
"""


def reported(client: Client, meter: str, **asked: object) -> Any:
    report = client.data(REPORT, **asked)["license"]["contractReport"]
    [found] = [one for one in report["meters"] if one["meter"]["key"] == meter]
    return {"from": report["from"], "to": report["to"], **found}


def test_a_report_says_what_was_committed_and_what_was_used(reader: Client) -> None:
    found = reported(reader, "profiles", **{"from": "2026-03-09T12:00:00Z"})

    assert found == {
        "from": "2026-03-08T23:00:00Z",
        "to": "2026-03-10T09:30:00Z",
        "meter": {"key": "profiles"},
        "contractVersion": 1,
        "committed": 1_000_000,
        "usedAtEnd": 1_050_000,
        "peak": 1_050_000,
        "peakOn": "2026-03-09",
        "firstCrossing": "2026-03-09T22:59:59.999999Z",
        "overage": 50_000,
        "refused": None,
        "days": [
            {"status": "OK", "days": 0},
            {"status": "AT_RISK", "days": 0},
            {"status": "EXCEEDED", "days": 2},
            {"status": "UNKNOWN", "days": 0},
        ],
        "suggestedLimit": 1_300_000,
        "suggestedBecause": "Highest demand: 1,050,000 profiles on March 9, 2026. With 20% on top, rounded up.",
    }


def test_alternatives_stand_side_by_side(reader: Client) -> None:
    query = """{ license(key: "acme") {
      small: contractReport(terms: [{key: "profiles", value: 1000}]) { ...committed }
      large: contractReport(terms: [{key: "profiles", value: 9000000}]) { ...committed }
    } } fragment committed on ContractReport { meters { meter { key } committed days { status days } } }"""

    license = reader.data(query)["license"]

    def days(alternative: str) -> dict[str, int]:
        [found] = [one for one in license[alternative]["meters"] if one["meter"]["key"] == "profiles"]
        return {one["status"]: one["days"] for one in found["days"] if one["days"]}

    assert days("small") == {"EXCEEDED": 2, "UNKNOWN": 53}
    assert days("large") == {"OK": 2, "UNKNOWN": 53}


def test_a_term_that_no_meter_knows_is_refused_with_the_nearest(reader: Client) -> None:
    answer = reader.post("/graphql", json={"query": REPORT, "variables": {"terms": [{"key": "profile", "value": 1}]}})

    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert error["message"] == "No meter knows the term 'profile'. Did you mean 'profiles'?"


def test_days_that_cannot_be_are_refused(reader: Client) -> None:
    answer = reader.post("/graphql", json={"query": REPORT, "variables": {"from": "2026-03-11T00:00:00Z"}})

    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["message"]) == (
        "BAD_INPUT",
        "The report would begin on 2026-03-11, after its last day, 2026-03-10. Name an earlier first day.",
    )


def test_the_reason_is_in_the_language_of_the_reader(reader: Client) -> None:
    answer = reader.post("/graphql", json={"query": REPORT}, headers={"Accept-Language": "fr"})

    reasons = {one["suggestedBecause"] for one in answer.json()["data"]["license"]["contractReport"]["meters"]}
    assert (
        "Demande la plus haute : 1\u202f050\u202f000 profils, le 9 mars 2026. Avec une marge de 20\xa0%, arrondi "
        "au-dessus."
    ) in reasons


BY_DAY = REPORT.replace("$from: DateTime, $to: DateTime", "$from: Date, $to: Date").replace(
    "from: $from, to: $to", "firstDay: $from, lastDay: $to"
)


def test_days_name_what_instants_on_them_name(reader: Client) -> None:
    by_day = reader.data(BY_DAY, **{"from": "2026-03-09", "to": "2026-03-09"})
    by_instant = reader.data(REPORT, **{"from": "2026-03-08T23:00:00Z", "to": "2026-03-09T22:59:59Z"})
    assert by_day == by_instant
    assert by_day["license"]["contractReport"]["from"] == "2026-03-08T23:00:00Z"


def test_a_day_is_named_once(reader: Client) -> None:
    both = 'from: "2026-03-08T23:00:00Z", firstDay: "2026-03-09"'
    answer = reader.post(
        "/graphql", json={"query": f'{{ license(key: "acme") {{ contractReport({both}) {{ from }} }} }}'}
    )
    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["message"]) == (
        *("BAD_INPUT", "`from` and `firstDay` name a day twice. Give one of them."),
    )
