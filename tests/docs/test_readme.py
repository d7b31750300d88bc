"""The README does what it says: its commands are run, and its answers compared."""

import os
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import orjson
import pytest
from allowance.contribution import check_plugin
from allowance.testing import Event, measure

from tests.api.server import Client
from tests.docs.conftest import Demo

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text()
CHAPTERS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


needs_a_shell = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="bash or curl is not installed"
)


def blocks(chapter: str, language: str) -> list[str]:
    """Return the blocks of a language in a chapter."""
    return re.findall(rf"^```{language}\n(.*?)^```$", CHAPTERS[chapter], re.MULTILINE | re.DOTALL)


def block(chapter: str, language: str) -> str:
    """Return the only block of a language in a chapter."""
    (code,) = blocks(chapter, language)
    return code


def run(demo: Demo, code: str) -> Any:
    """Run a block of the shell on the demonstration, with the token of acme; the JSON that it prints."""
    assert "http://127.0.0.1:8000" in code
    done = subprocess.run(
        ["bash", "-euc", code.replace("http://127.0.0.1:8000", demo.url)],
        env={"PATH": os.environ["PATH"], "TOKEN": demo.tokens["acme"]},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return orjson.loads(done.stdout)


def test_the_first_start_brings_in_a_year_of_history_within_half_a_minute(demo: Demo) -> None:
    assert demo.work_of_first < 30
    assert "Importing data/demo/events.ndjson" in demo.first.log


def test_the_second_start_goes_on_at_once_with_the_same_data(demo: Demo) -> None:
    assert demo.second.seconds < demo.first.seconds
    assert "Importing" not in demo.second.log
    assert not any(token in demo.second.out + demo.second.log for token in demo.tokens.values())


def test_a_start_prints_the_pages_and_a_link_to_each_license_that_signs_in(demo: Demo) -> None:
    url = demo.first.url
    pages, graphiql, _, *links = demo.first.out.splitlines()
    assert (pages, graphiql) == (f"My consumption: {url}/consumption", f"GraphiQL: {url}/graphiql")
    *of_people, of_operator = (line.split() for line in links)
    assert of_operator == ["operator", f"{url}/operator#token={demo.tokens['operator']}"]
    for link, license in zip(of_people, ("acme", "globex", "initech"), strict=True):
        page, _, token = link[1].partition("#token=")
        assert (link[0], page) == (license, f"{url}/consumption")
        with Client(demo.url, token) as person:
            assert person.data("{ viewer { license { key } } }") == {"viewer": {"license": {"key": license}}}


@pytest.mark.parametrize(("license", "status"), [("acme", "OK"), ("globex", "AT_RISK"), ("initech", "EXCEEDED")])
def test_the_three_licenses_have_the_status_that_the_page_states(demo: Demo, license: str, status: str) -> None:
    words = "`acme` is within its limits, `globex` is at risk, and `initech` has exceeded a limit"
    assert words in " ".join(PAGE.split())
    with demo.client(license) as client:
        assert client.data("{ consumption { status } }") == {"consumption": {"status": status}}


@needs_a_shell
def test_the_first_query_has_the_answer_that_follows_it(demo: Demo) -> None:
    shown, answer = orjson.loads(block("A first query", "json")), run(demo, block("A first query", "sh"))
    budgets = [each["extensions"]["cost"].pop("throttleStatus") for each in (shown, answer)]
    assert shown == answer
    assert [budget["maximumAvailable"] for budget in budgets] == [150_000, 150_000]


@needs_a_shell
def test_the_first_event_has_the_answer_that_follows_it_counts_once_and_shows(demo: Demo) -> None:
    send, query = blocks("A first event", "sh")
    refresh(demo)  # other tests may have sent usage of this license just now
    before = used(run(demo, query))
    assert run(demo, send) == orjson.loads(block("A first event", "json"))
    assert run(demo, send) == {"accepted": 0, "duplicates": 1, "rejected": []}
    patience = monotonic() + 60
    while (found := used(run(demo, query))) == before and monotonic() < patience:
        sleep(0.5)
    assert found == before + 250


def refresh(demo: Demo) -> None:
    """Refresh the license, and wait for the end of that."""
    with demo.client("acme") as client:
        request = client.data('mutation { refreshConsumption(sections: ["channels"]) { id } }')["refreshConsumption"][
            "id"
        ]
        query = "query ($id: ID!) { node(id: $id) { ... on RefreshRequest { status } } }"
        patience = monotonic() + 60
        while client.data(query, id=request)["node"]["status"] != "DONE":
            assert monotonic() < patience
            sleep(0.2)


def used(answer: Any) -> float:
    """Return the usage of the only reading in an answer."""
    (reading,) = answer["data"]["consumption"]["section"]["readings"]
    return float(reading["used"])


def test_the_first_plugin_loads_and_measures() -> None:
    module = type(re)("readme")
    exec(compile(block("A first plugin", "python"), "README.md", "exec"), vars(module))  # noqa: S102 - it is ours
    (meter,) = check_plugin(module).meters
    assert [event.name for event in meter.events()] == ["dashboards.level"]
    reading = measure(meter, [Event("dashboards.level", 7, date(2026, 6, 1))], terms={"dashboards": 5})
    assert reading.used == 7
    assert reading.limit is not None
    assert reading.limit.value == 5


def test_every_page_and_folder_that_it_names_is_there() -> None:
    assert [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if not (ROOT / link).exists()] == []
    assert [name for name in re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE) if not (ROOT / name).is_dir()] == []


def test_every_make_target_that_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", PAGE, re.MULTILINE))
    assert {"run", "test"} <= named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
