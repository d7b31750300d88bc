"""Every command that lists has --json, which prints what the table shows to programs."""

import inspect
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from typer.main import get_group

import cli.tables
from cli.main import COMMANDS, command_line
from core.access.keys import Scope, create_key
from core.administration.inputs import AdminInput, CreditRequestInput
from core.administration.request_credits import request_credits
from core.delivery.webhooks.endpoints import EndpointInput, put_endpoint
from core.runtime import open_runtime
from core.settings import Settings
from tests.cli.command import Run
from tests.fixtures.engine import Engine, usage_event

NAMES_OF_LISTS = {"list", "freed", "log", "requests", "corrections", "plugins", "outbox", "consumption"}
ARGUMENTS = {
    "alerts list": [],
    "alerts show": ["{alert}"],
    "check-in freed": ["acme"],
    "consumption": ["acme"],
    "contracts list": ["acme"],
    "credits list": ["acme"],
    "credits requests": [],
    "entities list": ["acme"],
    "events corrections": ["acme"],
    "explain": ["acme", "forms"],
    "keys list": [],
    "licenses list": [],
    "mail list": ["acme"],
    "outbox": [],
    "plugins": [],
    "plugins orphans": [],
    "report": ["acme"],
    "sessions list": [],
    "usage": ["acme", "--meter", "forms"],
    "webhooks list": [],
    "webhooks log": ["acme", "platform"],
}
FIELDS: dict[str, dict[str, object]] = {
    "alerts list": {"license": "acme", "meter": "forms", "ratio": 1, "used": 6, "limit": 5, "recoveredAt": None},
    "alerts show": {"kind": "threshold.crossed", "channel": "email", "recipient": "ann@example.com", "attempts": 0},
    "contracts list": {
        "version": 1,
        "effectiveFrom": "2026-01-01",
        "endsOn": None,
        "terms": {"forms": 5},
        "forecastAt": {},
    },
    "credits list": {"key": "g", "amount": 7.5, "entity": "be", "voidedAll": False, "expiresAt": None},
    "credits requests": {"license": "acme", "amount": 5, "person": None, "requestedWith": "console", "closedAt": None},
    "entities list": {"name": "be", "closedFrom": None},
    "keys list": {"name": "console", "license": None, "scopes": ["operate"], "revokedAt": None},
    "licenses list": {"key": "acme", "status": "EXCEEDED", "utilization": 1.2, "freshness": "FRESH"},
    "mail list": {"email": "ann@example.com", "language": None, "subscribed": True, "unsubscribedAt": None},
    "plugins": {"name": "automation", "problem": None, "notifiers": []},
    "webhooks list": {"license": "acme", "key": "platform", "kinds": None, "enabled": True},
    "webhooks log": {"kind": "threshold.crossed", "status": "PENDING", "attempts": []},
}


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command that can be run, by its words after the name of the program."""
    if path and (not hasattr(command, "commands") or command.invoke_without_command):
        yield " ".join(path), command
    for name, part in getattr(command, "commands", {}).items():
        yield from commands(part, *path, name)


def lists(words: str, command: Any) -> bool:
    """Whether a command lists: by its name, or since it prints a table."""
    source = inspect.getsource(command.callback) if command.callback else ""
    printed = ("show_list(", "show_table(", "print_json(")
    return words.rsplit(maxsplit=1)[-1] in NAMES_OF_LISTS or any(call in source for call in printed)


TREE = dict(commands(get_group(command_line(COMMANDS))))
LISTS = sorted(words for words, command in TREE.items() if lists(words, command))


def test_the_tree_of_commands_is_walked_to_its_leaves() -> None:
    assert {"serve", "check-in simulate", "webhooks log", "outbox", "outbox redeliver"} <= TREE.keys()
    assert set(ARGUMENTS) == set(LISTS)


@pytest.mark.parametrize("words", LISTS)
def test_a_command_that_lists_has_json(words: str) -> None:
    options = {option for parameter in TREE[words].params for option in parameter.opts}
    assert "--json" in options


def test_only_the_module_of_tables_prints_tables() -> None:
    used = {words for words, command in TREE.items() if command.callback and _prints_rich_table(command)}
    assert used <= {"check-in", "check-in simulate"}


def _prints_rich_table(command: Any) -> bool:
    module = inspect.getmodule(inspect.unwrap(command.callback)) if command.callback else None
    return module is not None and hasattr(module, "Table") and module is not cli.tables


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_json_holds_the_values_of_each_list(run: Run, database_url: str) -> None:
    with open_runtime(Settings(database_url=database_url)) as runtime:
        engine, now = Engine(runtime), datetime.now(UTC)
        engine.license(terms={"forms": 5}, admins=[AdminInput("ann@example.com")], now=now)
        engine.send(usage_event("forms.level", value=6, time=now), now=now)
        with runtime.database.write() as session:
            create_key(session, "console", [Scope.OPERATE], None, now)
            endpoint = EndpointInput("acme", "platform", "https://platform.example/", None, True)
            put_endpoint(session, endpoint, runtime.settings.opened_networks, now)
        engine.grant("acme", "g", "7.5", entity="be", now=now)
        with runtime.database.write() as session:
            request_credits(session, CreditRequestInput("acme", Decimal(5)), runtime.registry, [], "console", now)
        engine.refresh(now=datetime.now(UTC))
    alert = ""
    for words, arguments in ARGUMENTS.items():
        given = [argument.format(alert=alert) for argument in arguments]
        printed = run(*words.split(), *given, "--json")
        assert (printed.code, printed.err) == (0, ""), words
        found = json.loads(printed.out)
        if words in FIELDS:
            row = next(one for one in found if words != "webhooks log" or one["kind"] == "threshold.crossed")
            assert {**row, **FIELDS[words]} == row, words
            assert run(*words.split(), *given).code == 0
        if words == "alerts list":
            alert = found[0]["id"]
            assert found[0]["crossedAt"].endswith("Z")
        if words == "outbox":
            assert (found["counts"]["pending"], found["stuck"]) == (
                len(found["stuck"]) + found["counts"]["pending"],
                [],
            )
        if words == "consumption":
            assert (found["license"]["key"], found["status"]) == ("acme", "EXCEEDED")
        if words == "events corrections":
            assert found == []
