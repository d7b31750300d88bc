import re
from datetime import UTC, datetime

import pytest

from core.access.authenticate import authenticate
from core.access.keys import create_key
from core.access.person import Person
from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.errors import Unauthenticated
from tests.cli.command import Run


@pytest.fixture
def key(database: Database) -> str:
    """The id of a key that reads all licenses, of which there is acme."""
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), datetime.now(UTC))
        return create_key(session, "portal", ["consumption:read"], None, datetime.now(UTC))[0].id


def test_the_token_of_a_session_stands_alone_on_the_last_line_until_its_key_is_revoked(
    run: Run, database: Database, key: str
) -> None:
    made = run(
        "sessions", "create", "acme", "--key", key, "--minutes", 5, "--person", "u-1", "--name", "Ann", "--admin"
    )
    assert made.code == 0, made.err
    assert re.fullmatch(r"alws_[A-Za-z0-9_-]{43}\n", made.out)
    authorization = f"Bearer {made.out.strip()}"
    with database.read() as session:
        caller = authenticate(session, authorization)
    assert (caller.license, caller.name, caller.person) == ("acme", "portal", Person("u-1", "Ann", None, admin=True))
    row = next(line for line in run("sessions", "list").out.splitlines() if str(caller.session) in line)
    assert row.split()[:4] == [caller.session, "acme", "Ann", "portal"]

    assert run("keys", "revoke", key).code == 0
    assert str(caller.session) not in run("sessions", "list").out
    with database.read() as session, pytest.raises(Unauthenticated):
        authenticate(session, authorization)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["acne", "--key", "{key}"], 1, "No license 'acne'. Did you mean 'acme'?\n"),
        (["acme", "--key", "none"], 1, "No key 'none' that was not revoked. 'allowance keys list' names them.\n"),
        (["acme", "--key", "{key}", "--minutes", "1441"], 1, "minutes must be from 1 to 1440, not 1441.\n"),
        (["acme", "--key", "{key}", "--name", "Ann"], 2, "give --person as well"),
        (["acme"], 2, "Missing option '--key'"),
    ],
)
def test_a_session_that_cannot_be_made_is_refused_and_no_token_is_shown(
    run: Run, key: str, arguments: list[str], code: int, said: str
) -> None:
    refused = run("sessions", "create", *(argument.format(key=key) for argument in arguments))
    assert (refused.code, refused.out) == (code, "")
    assert said in refused.err
    assert "Traceback" not in refused.err


def test_an_ended_session_is_nobodys_and_ending_it_again_changes_nothing(
    run: Run, database: Database, key: str
) -> None:
    made = run("sessions", "create", "acme", "--key", key)
    authorization = f"Bearer {made.out.strip()}"
    with database.read() as session:
        ended = str(authenticate(session, authorization).session)
    first, again = (run("sessions", "end", ended) for _ in range(2))
    assert re.fullmatch(rf"Session {ended} ended at \d{{4}}-\d\d-\d\d \d\d:\d\d UTC\.\n", first.out)
    assert (first.code, again.code, again.out) == (0, 0, first.out)
    assert ended not in run("sessions", "list").out
    with database.read() as session, pytest.raises(Unauthenticated):
        authenticate(session, authorization)


def test_a_session_that_is_not_known_cannot_be_ended(run: Run, database: Database) -> None:
    refused = run("sessions", "end", "none")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "No session 'none'. A session is forgotten an hour after its end.\n"
