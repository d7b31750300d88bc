"""The GraphiQL page: whole without internet access, and its examples work."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from api.endpoints.pages import GRAPHIQL
from core.access.person import Person
from tests.api import node
from tests.api.graphql.schema.test_schema import SDL
from tests.api.server import ALL_SCOPES, Client, Served
from tests.services.catalogue import find_chromium

on_sqlite = pytest.mark.parametrize("library", ["sqlite"], indirect=True)

EXAMPLES = [
    *(
        "WhoAmI",
        "Overview",
        "History",
        "Installed",
        "RecordUsage",
        "Licenses",
        "Told",
        "Watch",
        "Credits",
        "RequestCredits",
    ),
    *("Installations", "CheckIn", "PutWebhook"),
]
LOADED = re.compile(r'(?:src|href)="([^"]+)"')
ELSEWHERE = re.compile(r"""(?:src|href)=["'](?:https?:)?//|import\(?["']https?://|url\(["']?(?:https?:)?//""")


@pytest.fixture(scope="module")
def examples() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(node.run("examples.mjs"))
    return found


@on_sqlite
def test_the_page_is_served_with_a_policy_that_lets_it_reach_this_server_alone(library: Served) -> None:
    with library.anonymous() as client:
        for path in ("/graphiql", "/graphiql/"):
            page = client.get(path)
            assert page.status_code == 200
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["content-security-policy"] == (
                "default-src 'none'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                "frame-ancestors 'none'; form-action 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                "font-src 'self'; worker-src 'self'"
            )
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.headers["referrer-policy"] == "no-referrer"


@on_sqlite
def test_everything_that_the_page_loads_is_here(library: Served) -> None:
    page = (GRAPHIQL / "index.html").read_text()
    loaded = [path for path in LOADED.findall(page) if not path.startswith("data:")]
    assert len(loaded) >= 4
    named = {path.removeprefix("/graphiql/") for path in loaded}
    for text in (page, *(file.read_text() for file in GRAPHIQL.glob("assets/*.[jc]s*"))):
        assert not ELSEWHERE.search(text)
        named |= {f"assets/{name}" for name in re.findall(r"[\w.-]+-[\w-]{8}\.(?:js|css|ttf|woff2)\b", text)}
    assert {file.relative_to(GRAPHIQL).as_posix() for file in GRAPHIQL.glob("assets/*-*.*")} == named
    kinds = {"js": "text/javascript", "css": "text/css", "ttf": "font/ttf", "woff2": "font/woff2"}
    with library.anonymous() as client:
        for name in named:
            answer = client.get(f"/graphiql/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])


@on_sqlite
@pytest.mark.parametrize("path", ["", "nope.js", "../index.html", "..%2f..%2fapp.py", "%2e%2e/%2e%2e/app.py"])
def test_nothing_else_is_served(library: Served, path: str) -> None:
    with library.anonymous() as client:
        assert client.get(f"/graphiql/assets/{path}").status_code == 404


@pytest.mark.needs("node")
def test_the_page_was_built_with_the_examples_of_its_source(examples: list[dict[str, Any]]) -> None:
    (bundle,) = GRAPHIQL.glob("assets/index-*.js")
    built = bundle.read_text()
    lines = [line.strip() for example in examples for line in example["query"].splitlines() if line.strip()]
    assert len(lines) > 50
    assert [line for line in lines if line not in built] == []


@on_sqlite
@pytest.mark.needs("node")
def test_every_example_is_valid_and_answered(reader: Client, examples: list[dict[str, Any]]) -> None:
    schema = build_schema(SDL.read_text())
    names = []
    for example in examples:
        document = parse(example["query"])
        assert validate(schema, document) == []
        names += re.findall(r"(?:query|mutation|subscription) (\w+)", example["query"])
        if names[-1] == "Watch":
            continue  # a browser follows it below
        answer = reader.data(example["query"], **json.loads(example.get("variables") or "{}"))
        assert None not in answer.values()
    assert names == EXAMPLES


@on_sqlite
@pytest.mark.needs("node")
def test_the_first_example_works_with_every_token(library: Served, examples: list[dict[str, Any]]) -> None:
    with library.client() as operator:
        operator.data('mutation { putLicense(input: {key: "other", name: "Other"}) { errors { code } } }')
    tokens = [
        *(library.token(scope, license=license) for scope in ALL_SCOPES for license in (None, "acme", "other")),
        library.session()[0],
        library.session("other", person=Person("u-1"))[0],
    ]
    for token in tokens:
        with Client(library.url, token) as client:
            assert client.data(examples[0]["query"])["viewer"]["name"] == "a test"


@on_sqlite
@pytest.mark.needs("node", "chromium")
def test_a_browser_shows_the_answer_and_asks_no_other_host(library: Served) -> None:
    node.install()
    browser = str(find_chromium())
    token = library.token("consumption:read")
    seen = json.loads(node.run("browser.mjs", browser, library.url, token, "Overview"))
    assert '"key": "channels"' in seen["shown"]
    assert '"status": "AT_RISK"' in seen["shown"]
    assert seen["hosts"] == [library.url]
    assert seen["complaints"] == []
    assert seen["address"] == f"{library.url}/graphiql"


@pytest.mark.long
@pytest.mark.long
@on_sqlite
@pytest.mark.needs("node", "chromium")
def test_a_browser_follows_a_subscription_and_asks_no_other_host(library: Served) -> None:
    node.install()
    browser = str(find_chromium())
    seen = json.loads(node.run("browser.mjs", browser, library.url, library.token("consumption:read"), "Watch"))
    assert '"consumptionChanged"' in seen["shown"]
    assert seen["hosts"] == [library.url]
    assert seen["complaints"] == []


@pytest.mark.needs("node")
@pytest.mark.long
def test_the_files_are_what_the_lock_file_and_the_source_give(tmp_path: Path) -> None:
    source = tmp_path / "graphiql" / "source"
    shutil.copytree(GRAPHIQL / "source", source, ignore=shutil.ignore_patterns("node_modules"))
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=300)
    built, committed = (
        {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.glob("assets/*")}
        | {"index.html": (folder / "index.html").read_bytes()}
        for folder in (source.parent, GRAPHIQL)
    )
    assert built.keys() == committed.keys()
    assert [name for name in built if built[name] != committed[name]] == []
