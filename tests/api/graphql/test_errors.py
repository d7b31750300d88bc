"""Errors of fields: a code for each, and nothing of what goes on inside."""

import logging

import pytest
from sqlalchemy import text

from tests.api.server import TRACE, Client, Served

LICENSE = '{ license(key: "acme") { name grants { edges { cursor } } } viewer { name } }'


def test_an_expected_error_has_a_code_a_path_and_leaves_the_rest(reader: Client) -> None:
    answer = reader.graphql('{ license(key: "acne") { name } viewer { name } }')
    del answer["extensions"]["cost"]["throttleStatus"]
    assert answer == {
        "data": {"license": None, "viewer": {"name": "a test"}},
        "extensions": {"cost": {"requested": 23, "limit": 100_000}},
        "errors": [
            {
                "message": "No license 'acne'. Did you mean 'acme'?",
                "locations": [{"line": 1, "column": 3}],
                "path": ["license"],
                "extensions": {"code": "NOT_FOUND", "trace": TRACE},
            }
        ],
    }


def test_where_an_error_takes_everything_with_it_the_status_is_still_200(reader: Client) -> None:
    query = "{ licenses(first: 0) { edges { cursor } } }"
    for accept in ("application/json", "application/graphql-response+json"):
        answer = reader.post("/graphql", json={"query": query}, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.json()["data"] is None


def test_an_internal_error_is_masked_and_its_trace_is_in_the_log(
    served: Served, operator: Client, acme: None, caplog: pytest.LogCaptureFixture
) -> None:
    with served.runtime.database.write() as session:
        session.execute(text("DROP TABLE credit_grant"))
    with caplog.at_level(logging.ERROR):
        answer = operator.post("/graphql", json={"query": LICENSE})
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    trace = error["extensions"]["trace"]
    assert error == {
        "message": f"Something failed on our side. Quote trace {trace} to the operator.",
        "locations": [{"line": 1, "column": 31}],
        "path": ["license", "grants"],
        "extensions": {"code": "INTERNAL", "trace": trace},
    }
    assert answer.json()["data"] == {"license": None, "viewer": {"name": "a test"}}
    for internal in ("credit_grant", "SELECT", "sqlalchemy", "Traceback", "core/", "no such table"):
        assert internal not in answer.text
    (logged,) = [record for record in caplog.records if trace in record.getMessage()]
    assert "credit_grant" in str(logged.exc_info)


def test_an_internal_error_of_a_mutation_leaves_nothing_half_written(
    served: Served, operator: Client, acme: None
) -> None:
    with served.runtime.database.write() as session:
        session.execute(text("DROP TABLE refresh_run"))
    mutation = 'mutation { putLicense(input: {key: "new", name: "New"}) { errors { code } } }'
    assert operator.error(mutation)[0] == "INTERNAL"
    assert operator.error('{ license(key: "new") { key } }')[0] == "NOT_FOUND"


def test_a_history_that_fails_leaves_all_the_rest_of_the_page(served: Served, operator: Client, acme: None) -> None:
    query = '{ consumption(license: "acme") { section(key: "sms") { readings { used %s } } } }'
    whole = operator.data(query % "")
    with served.runtime.database.write() as session:
        session.execute(text("ALTER TABLE reading_history RENAME TO gone"))
    answer = operator.graphql(query % "history(first: 1) { edges { cursor } }")
    [reading] = answer["data"]["consumption"]["section"]["readings"]
    assert reading.pop("history") is None
    assert [reading] == whole["consumption"]["section"]["readings"]
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (
        ["consumption", "section", "readings", 0, "history"],
        "INTERNAL",
    )
