"""The page on hard quotas: its calls and tables, run on a server of its own."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from graphql import build_schema, parse, validate
from sqlmodel import Session

from core.administration.import_file import import_licenses, read_licenses
from core.administration.sign_check_ins import require_signatures, rotate_check_in_secret
from core.admission.admitter import Admitter
from core.admission.check_in import CheckInRequest, Decision
from core.admission.quota_meters import FIELDS
from core.admission.report import installation_report, load_counters
from core.licenses.load import load_licenses
from core.runtime import Runtime
from core.settings import Settings
from core.workers.tidy_quotas import tidy_due
from tests.api.server import Served, serving
from tests.forms import long

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "check-in.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
JSONS = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BEGIN = datetime(2026, 3, 10, 9, tzinfo=UTC)
LICENSE = """
licenses:
  - key: acme
    name: Acme
    contracts:
      - {effective_from: 2026-01-01, starts_on: 2026-01-01, terms: {active_installations: 3}}
"""


def table(heading: str) -> list[list[str]]:
    """The rows of each table with that heading, cell by cell."""
    found = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for rows in found for row in rows.splitlines()]


def put(session: Session, runtime: Runtime, text: str, now: datetime) -> None:
    import_licenses(session, read_licenses("page", text.encode()), runtime.registry, now)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(BEGIN, tick=False) as traveller:
        yield traveller


@pytest.fixture
def page(new_sqlite: object, tmp_path: Path, clock: time_machine.Traveller) -> Iterator[Served]:
    url = new_sqlite(tmp_path / "page.db")  # type: ignore[operator]
    with serving(Settings(database_url=url)) as served:
        with served.runtime.database.write() as session:
            put(session, served.runtime, LICENSE, BEGIN)
        yield served


def test_the_check_in_gets_the_answer_on_the_page(page: Served) -> None:
    (body,) = re.findall(r"-d '(\{.*?\})'", PAGE)
    answer = JSONS[0]
    with page.client("check-in:write", license="acme") as fleet:
        found = fleet.post("/check-in", content=body)
        assert (found.status_code, found.json()) == (200, orjson.loads(answer))
        again = fleet.data(QUERIES[0])["checkIn"]
    assert again == {**orjson.loads(answer), "decision": "KNOWN"}


def test_the_signature_on_the_page_is_made_by_its_commands_and_accepted(page: Served) -> None:
    secret = re.findall(r"`(alwc_\w+)`", PAGE)[0]
    signed = orjson.loads(JSONS[1])
    (command,) = [line for line in PAGE.splitlines() if line.startswith("printf ")]
    made = subprocess.run(["sh", "-c", command], env={**os.environ, "SECRET": secret}, capture_output=True, check=True)
    names: dict[str, Any] = {}
    exec(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0], names)  # noqa: S102
    assert f"`{signed['signature']}`" in PAGE
    assert made.stdout.decode() == signed["signature"]
    assert (
        names["sign"](secret, signed["license"], "active_installations", signed["installation"]) == made.stdout.decode()
    )
    with page.runtime.database.write() as session:
        rotate_check_in_secret(session, "acme", 0, "tester", BEGIN).secret = secret
        require_signatures(session, "acme", "tester", BEGIN, required=True)
    with page.client("check-in:write", license="acme") as fleet:
        assert fleet.post("/check-in", json=signed).json()["decision"] == "ADMITTED"
        assert fleet.post("/check-in", json={**signed, "installation": "made-up"}).status_code == 403


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("{")[0].strip())
def test_a_query_is_one_of_the_schema(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


def test_the_page_defines_all_figures_of_the_report(page: Served) -> None:
    with page.client(license="acme") as client:
        found = client.data(QUERIES[1])["consumption"]["installations"]
        march = client.data('{ consumption { installations(window: "2026-03-01") { active } } }')
    assert march["consumption"]["installations"] == {"active": 0}
    assert set(found) - {"period", "quota"} == {row[0] for row in table("figure")}


def test_every_field_and_decision_is_explained() -> None:
    assert [row[0].strip("`") for row in table("field")] == list(FIELDS)
    assert [row[0].strip("`") for row in table("decision")] == [decision.value for decision in Decision]


def test_the_contract_on_the_page_can_be_put(page: Served) -> None:
    (contract,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    indented = "".join(f"    {line}\n" for line in contract.splitlines())
    with page.runtime.database.write() as session:
        put(session, page.runtime, f"licenses:\n  - key: other\n    name: Other\n{indented}", BEGIN)
    with page.client() as client:
        query = '{ license(key: "other") { contract { quotas { window backOffDays onOutage identifiers } } } }'
        (quota,) = client.data(query)["license"]["contract"]["quotas"]
    assert quota == {"window": "P1M", "backOffDays": 3, "onOutage": "LET_THROUGH", "identifiers": "HASHED"}


def days(page: Served, since: datetime, until: datetime, who: str) -> None:
    """Every day until then they call in this order; the lost are counted in the night."""
    runtime = page.runtime
    for number in range((until - since).days):
        now = since + timedelta(days=number)
        # It writes on which day installations were seen within a second, or at its end.
        with closing(Admitter(runtime.database, runtime.registry, runtime.settings, lambda now=now: now)) as admitter:
            for installation in who:
                admitter.check_in(CheckInRequest("acme", "active_installations", installation, "fleet"))
        tidy_due(runtime.database, runtime.registry, now)


def report(page: Served, now: datetime) -> list[str]:
    admitter, database = page.runtime.admitter, page.runtime.database
    with database.read() as session:
        license = load_licenses(session, [1], now)[1]
        found = installation_report(
            load_counters(session, [license.id], admitter.quota_meters.find(None), now)[license.id],
            license,
            admitter.quota_meters.find(None),
            None,
            now,
        )
    assert found
    figures = (found.active, found.new, found.returning, found.lost, found.refused)
    return [*map(str, figures), str(found.skewed).lower()]


@pytest.mark.parametrize("stayed", [long(False), True])
def test_the_worked_example_matches_the_engine(page: Served, *, stayed: bool) -> None:
    march, april, may_without, may_with = (row[1:] for row in table("March") + table("April") + table("May"))
    turns = [BEGIN, *(datetime(2026, month, 1, 9, tzinfo=UTC) for month in (4, 5, 6))]
    calling = ["abc", "abdc", "abdc" if stayed else "abc"]
    reports = [march, april, may_with if stayed else may_without]
    for (since, until), who, said in zip(pairwise(turns), calling, reports, strict=True):
        days(page, since, until, who)
        assert report(page, until - timedelta(hours=10)) == said
