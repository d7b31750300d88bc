"""The front ends' page: its queries run on the demonstration, and its tables name every code."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from graphql import build_schema, parse, validate

from api.graphql.schema.access.permission import Permission
from api.graphql.schema.meters.kind import MeterKind
from api.graphql.subscriptions.protocol import CloseCode
from core.access.keys import Scope
from core.admission.check_in import Decision
from core.consumption.intervals import Interval
from core.licenses.state import LicenseState
from tests.api.graphql.subscriptions.test_event_stream import stream
from tests.docs.conftest import Demo
from tests.e2e.processes import eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "front-ends.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TITLES = [query.split("{")[0].strip() for query in QUERIES]

METHODS = {"GET", "POST", "OPTIONS"}
SQL = {"MATERIALIZED"}
OPERATORS = {"ERROR", "BAD_SETTING", "SCHEMA_NOT_CURRENT", "INVALID_INPUT", "ALREADY_IMPORTED", "BAD_JSON"}
"""The base class's own, and what is said on the command line alone."""
CORRECTIONS = ("core/usage/cancel.py",)
"""The files of usage whose codes are of input errors."""


def table(heading: str) -> list[str]:
    """The codes in the first column of the table with that heading."""
    (rows,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [code for row in rows.splitlines() for code in re.findall(r"`(\w+)`", row.split("|")[1])]


def codes(*patterns: str) -> set[str]:
    """The texts in these files that look like codes."""
    files = [file for pattern in patterns for file in sorted(ROOT.glob(pattern))]
    assert files
    return {text for file in files for text in _texts(ast.parse(file.read_text())) if re.fullmatch("[A-Z_]{4,}", text)}


def _texts(tree: ast.AST) -> Iterable[str]:
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_the_page_has_its_queries() -> None:
    assert TITLES == [
        "mutation CreateSession",
        "mutation EndSession",
        "query WhoAmI",
        "query MyConsumption",
        "query History",
        "mutation Refresh",
        "subscription Changes",
        "mutation Request",
        "query Units",
        "query Forecast",
    ]


@pytest.mark.parametrize("query", QUERIES, ids=TITLES)
def test_a_query_is_one_of_the_schema_and_runs_on_the_demonstration(demo: Demo, query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []
    with demo.client("acme") as client:
        if query.startswith("subscription"):
            with stream(client, query) as (_, events):
                (answer,) = next(events)[1]["data"].values()
        else:
            (answer,) = client.data(query).values()
    assert answer


def test_the_overview_shows_every_section_and_the_history_a_year_of_weeks(demo: Demo) -> None:
    with demo.client("acme") as client:
        overview, history = (client.data(query)["consumption"] for query in QUERIES[3:5])
    assert [section["key"] for section in overview["sections"]] == [
        "channels",
        "sms",
        "data_model",
        "web",
        "automation",
        "license",
        "installations",
    ]
    (reading,) = history["section"]["readings"]
    assert len(reading["history"]["edges"]) == 52


def test_a_requested_refresh_is_done_in_the_end(demo: Demo) -> None:
    (ask,) = re.findall(r"`node\(id: …\) (.*?)` until it is `DONE`", PAGE)
    with demo.client("acme") as client:
        asked = client.data(QUERIES[5])["refreshConsumption"]["id"]
        eventually(lambda: client.data(f'{{ node(id: "{asked}") {ask} }}') == {"node": {"status": "DONE"}})


def test_an_equal_request_for_credits_returns_the_open_request(demo: Demo) -> None:
    with demo.client("acme") as client:
        first, again = (client.data(QUERIES[7])["requestCredits"] for _ in range(2))
    assert (first["errors"], first["request"]) == ([], again["request"])


@pytest.mark.parametrize("field", re.findall(r"`(consumption\(.+?\))`", PAGE))
def test_a_field_in_the_text_has_an_answer(demo: Demo, field: str) -> None:
    with demo.client("acme") as client:
        assert client.data(f"{{ {field} {{ status }} }}")["consumption"]["status"] in ("OK", "UNKNOWN")


def test_the_event_is_accepted_with_the_answer_on_the_page(demo: Demo) -> None:
    (event,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (answer,) = re.findall(r"`(\{\"accepted\".*?\})`", PAGE)
    with demo.client("acme") as client:
        taken = client.post("/events", content=event, headers={"Content-Type": "application/cloudevents+json"})
    assert taken.json() == orjson.loads(answer)


def test_the_table_of_closes_names_every_code_and_no_other() -> None:
    (rows,) = re.findall(r"^\| WebSocket closes with \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    listed = [int(code) for row in rows.splitlines() for code in re.findall(r"\d{4}", row.split("|")[1])]
    by_the_library = {1009}
    assert sorted(listed) == sorted({int(code) for code in CloseCode} - {CloseCode.INTERNAL_ERROR} | by_the_library)


def test_the_tables_of_errors_name_every_code_of_a_request_and_of_an_event_and_no_other() -> None:
    of_events = codes(
        *("core/usage/events.py", "core/usage/outcomes.py", "core/usage/unknown_licenses.py"),
        *("core/usage/unreadable.py", "core/usage/dropped_days.py"),
    )
    of_check_ins = codes(
        *("core/admission/check_in.py", "core/admission/quota_meters.py", "core/admission/signatures.py")
    ) - set(Decision)
    at_the_edge = codes("api/endpoints/events.py") & of_events  # of a header of an event
    found = codes("core/errors.py", "core/languages/negotiation.py", "api/**/*.py")
    of_requests = (found - at_the_edge) | (codes("core/usage/*.py") - of_events)
    of_requests -= set(Interval) | (
        codes(*CORRECTIONS) | set(MeterKind) | set(LicenseState) | set(Permission) | set(Scope.__members__) | SQL
    )
    of_requests |= of_check_ins
    assert sorted(table("code")) == sorted(of_requests - METHODS - OPERATORS - {"REFRESH_FAILED"})
    assert sorted(table("code of a rejected event")) == sorted(of_events)


def test_the_table_of_input_errors_names_every_code_and_no_other() -> None:
    found = codes(
        "core/administration/**/*.py",
        "core/credits/*.py",
        "core/access/sessions.py",
        *CORRECTIONS,
        "core/delivery/webhooks/endpoints.py",
        "core/delivery/webhooks/manual_delivery.py",
    )
    assert sorted(table("code of an input error")) == sorted(found - OPERATORS)


def test_the_table_of_problems_names_every_code_and_no_other() -> None:
    found = codes("core/plugins/sandbox/failure.py") | {"REFRESH_FAILED"} | set(LicenseState) - {LicenseState.ACTIVE}
    assert sorted(table("code of a `problem`")) == sorted(found)
