"""Front ends' own libraries against a running server, and their compilers on the schema."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings
from tests.api import node
from tests.api.acme import SET_UP
from tests.api.graphql.schema.test_schema import SDL
from tests.api.server import Served, serving

EXAMPLE = Path(__file__).parents[2] / "docs" / "example-client"

pytestmark = pytest.mark.needs("node")


@pytest.fixture(scope="module")
def live(new_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the license acme, in real time."""
    node.install()
    url = new_sqlite(tmp_path_factory.mktemp("clients") / "test.db")
    with serving(Settings(database_url=url)) as served:
        with served.client() as operator:
            operator.data(SET_UP)
        yield served


@pytest.fixture
def example(live: Served, tmp_path: Path) -> Path:
    """The example client, with its types generated from the schema."""
    home = tmp_path / "docs" / EXAMPLE.name
    shutil.copytree(EXAMPLE, home, ignore=shutil.ignore_patterns("generated.ts", "built"))
    (tmp_path / "api").mkdir()
    shutil.copy(SDL, tmp_path / "api")
    (home / "node_modules").symlink_to(node.CLIENTS / "node_modules")
    (home / "package.json").write_text('{"type": "module"}')
    assert "Generate outputs" in compile_with(home, "graphql-codegen", "--config", "codegen.json")
    return home


def compile_with(home: Path, tool: str, *arguments: str, status: int = 0) -> str:
    """Return the output of a tool of the clients' packages, run in a folder."""
    program = node.CLIENTS / "node_modules" / ".bin" / tool
    done = subprocess.run([program, *arguments], cwd=home, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_apollo_client(live: Served) -> None:
    before = name_of(live)
    assert json.loads(node.run("apollo.mjs", live.url, live.token())) == {
        "asked": before,
        "refused": ["NOT_FOUND"],
        "paged": [1000.5, 500],
        "followed": [before, "Apollo"],
        "cached": "Apollo",
        "unfollowed": ["NOT_FOUND"],
    }


@pytest.mark.long
def test_apollo_client_that_sends_digests(live: Served) -> None:
    zone = "Europe/Brussels"
    answer = json.loads(node.run("persisted.mjs", live.url, live.token()))
    assert answer == {"asked": [zone, zone], "statuses": [400, 200, 200]}


def test_urql(live: Served) -> None:
    before = name_of(live)
    answer = json.loads(node.run("urql.mjs", live.url, live.token()))
    json_types = ["application/graphql-response+json; charset=utf-8"]
    event_stream = ["text/event-stream; charset=utf-8"]
    assert answer == {
        "asked": before,
        "refused": ["NOT_FOUND"],
        "changed": [],
        "paged": [1000.5, 500],
        "followed": ["Urql", "Followed by urql"],
        "unfollowed": ["NOT_FOUND"],
        "types": json_types * 5 + event_stream + json_types + event_stream,
    }


def test_the_reference_clients_of_both_protocols_and_the_legacy_one(live: Served) -> None:
    answer = json.loads(node.run("transports.mjs", live.url, live.token(), live.token(revoked=True)))
    told = {
        "asked": "acme",
        "refused": ["NOT_FOUND"],
        "invalid": ["GRAPHQL_VALIDATION_FAILED"],
        "unfollowed": ["NOT_FOUND"],
    }
    assert answer == {
        "ws": {**told, "followed": "By WebSocket"},
        "sse": {**told, "followed": "By events"},
        "closed": 4403,
        "legacy": "Unexpected server response: 400",
    }


@pytest.mark.long
def test_the_relay_compiler_takes_the_schema(live: Served, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    shutil.copy(SDL, tmp_path)
    shutil.copy(node.CLIENTS / "relay.ts", tmp_path)
    config = {
        "src": ".",
        "schema": "schema.graphql",
        "language": "typescript",
        "artifactDirectory": "made",
        "customScalarTypes": {"Date": "string", "DateTime": "string", "Duration": "string", "JSON": "unknown"},
    }
    (tmp_path / "relay.config.json").write_text(json.dumps(config))
    assert "Compilation completed." in compile_with(tmp_path, "relay-compiler", "relay.config.json")
    assert {file.name for file in (tmp_path / "made").iterdir()} == {
        "relayConsumption.graphql.ts",
        "relayHistory.graphql.ts",
        "relayHistoryPage.graphql.ts",
        "relayRefresh.graphql.ts",
        "relayChanges.graphql.ts",
        "relayNode.graphql.ts",
    }


@pytest.mark.long
def test_the_whole_schema_has_strict_types(live: Served, tmp_path: Path) -> None:
    scalars = {"Date": "string", "DateTime": "string", "Duration": "string", "JSON": "unknown"}
    config = {"plugins": ["typescript"], "config": {"strictScalars": True, "scalars": scalars}}
    codegen = {"schema": str(SDL), "generates": {"schema.ts": config}}
    (tmp_path / "codegen.json").write_text(json.dumps(codegen))
    (tmp_path / "node_modules").symlink_to(node.CLIENTS / "node_modules")
    compile_with(tmp_path, "graphql-codegen", "--config", "codegen.json")
    compile_with(tmp_path, "tsc", "--strict", "--noEmit", "--types", "", "schema.ts")
    assert "export type Subscription = {" in (tmp_path / "schema.ts").read_text()


def test_the_example_client_compiles_strictly_and_works(live: Served, example: Path) -> None:
    compile_with(example, "tsc")
    program = """
        import { WebSocket } from 'ws';
        import { Allowance } from './built/consumption.js';
        const [url, token] = process.argv.slice(2);
        const allowance = new Allowance(url, token);
        const { version, sections } = await allowance.overview('acme');
        const grants = await allowance.grants('acme');
        const refused = await allowance.overview('acne').catch((error) => [error.code, error.message]);
        const followed = [];
        for await (const change of allowance.changes('acme', WebSocket)) {
          followed.push(change.version - version);
          if (followed.length > 1) break;
          await fetch(`${url}/graphql`, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
            body: JSON.stringify({ query: `mutation {
              putLicense(input: { key: "acme", name: "${version}", timeZone: "Europe/Brussels" }) { errors { code } }
            }` }),
          });
        }
        const unfollowed = await allowance.changes('acne', WebSocket).next().catch((error) => error.code);
        const refresh = await allowance.refresh('acme');
        console.log(JSON.stringify({ sections: sections.length, grants, refused, followed, unfollowed, refresh }));
    """
    (example / "program.mjs").write_text(program)
    assert json.loads(node.run(str(example / "program.mjs"), live.url, live.token())) == {
        "sections": 7,
        "grants": [{"amount": 1000.5, "expiresAt": None}, {"amount": 500, "expiresAt": "2026-04-01T00:00:00Z"}],
        "refused": ["NOT_FOUND", "No license 'acne'. Did you mean 'acme'?"],
        "followed": [0, 1],
        "unfollowed": "NOT_FOUND",
        "refresh": "QUEUED",
    }


@pytest.mark.long
def test_a_client_that_takes_a_value_for_what_it_is_not_does_not_compile(example: Path) -> None:
    wrong = "\nexport const wrong = (shown: ShownFragment): number => shown.updatedAt;\n"
    with (example / "consumption.ts").open("a") as source:
        source.write(wrong)
    assert "Type 'string | null' is not assignable to type 'number'." in compile_with(example, "tsc", status=2)


def name_of(live: Served) -> str:
    with live.client() as client:
        name: str = client.data('{ license(key: "acme") { name } }')["license"]["name"]
        return name
