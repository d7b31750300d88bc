import re
from datetime import UTC, datetime

import pytest

from core.access.authenticate import authenticate
from core.access.keys import Scope, create_key
from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.errors import Unauthenticated
from tests.cli.command import Run


@pytest.fixture(autouse=True)
def _acme(database: Database) -> None:
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), datetime.now(UTC))


def test_the_token_of_a_new_key_stands_alone_on_the_last_line_and_opens_what_was_said(
    run: Run, database: Database
) -> None:
    made = run("keys", "create", "mailer", "--license", "acme", "--scope", "usage:write", "--scope", "consumption:read")
    assert made.code == 0
    assert re.fullmatch(r"alw_[A-Za-z0-9_-]{43}\n", made.out)
    with database.read() as session:
        caller = authenticate(session, f"Bearer {made.out.strip()}")
    assert (caller.name, caller.license, caller.scopes) == (
        "mailer",
        "acme",
        {Scope.USAGE_WRITE, Scope.CONSUMPTION_READ},
    )


def test_a_key_for_all_licenses_is_for_no_one_of_them(run: Run, database: Database) -> None:
    token = run("keys", "create", "console", "--all-licenses", "--scope", "operate").out.strip()
    with database.read() as session:
        assert authenticate(session, f"Bearer {token}").license is None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["x", "--scope", "operate"], 2, "give either --license KEY or --all-licenses"),
        (["x", "--license", "acme", "--all-licenses", "--scope", "operate"], 2, "give either"),
        (["x", "--license", "acme"], 2, "Missing option '--scope'"),
        (["x", "--license", "acme", "--scope", "usage:wirte"], 2, "is not one of 'consumption:read', 'usage:write'"),
        (["--license", "acme", "--scope", "operate"], 2, "Missing argument"),
        (["x", "--license", "acne", "--scope", "operate"], 1, "No license 'acne'. Did you mean 'acme'?\n"),
        (["", "--license", "acme", "--scope", "operate"], 1, "The name of a key must not be empty.\n"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_and_no_token_is_shown(
    run: Run, arguments: list[str], code: int, said: str
) -> None:
    refused = run("keys", "create", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert "alw_" not in run("keys", "list").out


def test_keys_are_listed_on_a_line_each_without_their_tokens(run: Run, database: Database) -> None:
    with database.write() as session:
        old, _ = create_key(session, "[b]old[/b]", ["operate"], None, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
        scopes = ["usage:write", "consumption:read", "contract:write", "check-in:write"]
        new, token = create_key(session, "n" * 150, scopes, "acme", datetime(2026, 5, 6, 7, 8, tzinfo=UTC))
    listed = run("keys", "list")
    lines = [re.split(r"\s{2,}", line.strip()) for line in listed.out.splitlines() if line.strip()]
    assert lines[0] == ["Key", "Name", "License", "Scopes", "Created (UTC)", "Revoked (UTC)"]
    assert lines[2:] == [
        [new.id, "n" * 150, "acme", ", ".join(sorted(scopes)), "2026-05-06 07:08"],
        [old.id, "[b]old[/b]", "all licenses", "operate", "2026-01-02 03:04"],
    ]
    assert token not in listed.out


def test_a_revoked_key_opens_nothing_and_revoking_it_again_changes_nothing(run: Run, database: Database) -> None:
    with database.write() as session:
        key, token = create_key(session, "mailer", ["operate"], None, datetime.now(UTC))
    for _ in range(2):
        revoked = run("keys", "revoke", key.id)
        assert (revoked.code, revoked.out) == (0, f"Key {key.id} (mailer) is revoked.\n")
    with database.read() as session, pytest.raises(Unauthenticated):
        authenticate(session, f"Bearer {token}")


def test_revoking_a_key_that_is_not_there_says_where_to_look(run: Run) -> None:
    refused = run("keys", "revoke", "nope")
    assert (refused.code, refused.out, refused.err) == (1, "", "No key 'nope'. 'allowance keys list' names them.\n")
