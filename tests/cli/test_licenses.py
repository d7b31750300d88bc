import json
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.licenses.tables import Contract, License
from tests.cli.command import Run

ACME = """\
licenses:
  - key: acme
    name: Acme
    contracts:
      - effective_from: 2026-01-01
        starts_on: 2026-01-01
        terms: {forms: 20}
    grants:
      - {id: one, amount: 100, granted_at: 2026-01-01T00:00:00Z}
"""


def test_a_file_of_licenses_is_imported_and_again_without_a_change(
    run: Run, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(ACME)
    for _ in range(2):
        imported = run("licenses", "import", file)
        assert (imported.code, imported.out) == (
            0,
            f"{file} is in force. Licenses: 1, contracts: 1, grants: 1.\n",
        )
    with database.read() as session:
        assert session.exec(select(Contract.version)).all() == [1]


def test_what_is_wrong_with_a_file_is_said_by_line_on_standard_error_and_nothing_is_imported(
    run: Run, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(ACME + "  - key: globex\n    nam: Globex\n")
    refused = run("licenses", "import", file)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines()[-2:] == [
        f"{file}:10: licenses[1]: name is missing.",
        f"{file}:11: licenses[1].nam: no key 'nam' is known here. Did you mean 'name'?",
    ]
    with database.read() as session:
        assert session.exec(select(License)).all() == []


def test_a_file_that_is_not_there_is_a_usage_error(run: Run) -> None:
    refused = run("licenses", "import", "nowhere.yaml")
    assert refused.code == 2
    assert "'nowhere.yaml' does not exist" in refused.err


def test_licenses_are_listed_filtered_and_counted(run: Run, database: Database) -> None:
    with database.write() as session:
        for key, name in (("acme", "Acme Retail"), ("beta", "Beta"), ("ci", "Élan")):
            put_license(session, LicenseInput(key, name), datetime.now(UTC))
    listed = run("licenses", "list", "--order", "NAME")
    assert (listed.code, listed.err) == (0, "")
    assert [line.split()[0] for line in listed.out.splitlines() if "Unknown" in line] == ["acme", "beta", "ci"]
    assert "? Unknown" in listed.out
    assert "never" in listed.out
    found = json.loads(run("licenses", "list", "--search", "RETAIL", "--json").out)
    assert found == [
        {"key": "acme", "name": "Acme Retail", "status": "UNKNOWN", "utilization": None, "freshness": "NEVER",
         "updatedAt": None, "suspendedBecause": None}
    ]  # fmt: skip
    assert json.loads(run("licenses", "list", "--status", "OK", "--json").out) == []
    assert run("licenses", "list", "--most", 1).out.endswith("2 more. --most, --search and --status show others.\n")
    refused = run("licenses", "list", "--meter", "form")
    assert (refused.code, refused.err) == (1, "No meter 'form'. Did you mean 'forms'?\n")


def test_a_contact_is_set_changed_and_removed(run: Run, database: Database) -> None:
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), datetime.now(UTC))
    said = run("licenses", "contact", "acme", "--name", "Noor Claes", "--email", "noor@vendor.example").out
    assert said == "The contact of acme is Noor Claes.\n"
    assert contact_of(database) == ("Noor Claes", "noor@vendor.example", None)
    assert "must begin with https://" in run("licenses", "contact", "acme", "--name", "N", "--url", "x").err
    assert "Name the contact with --name" in run("licenses", "contact", "acme", "--email", "a@b.example").err
    assert run("licenses", "contact", "acme").out == "acme has no contact.\n"
    assert contact_of(database) == (None, None, None)
    assert "Did you mean" in run("licenses", "contact", "acm", "--name", "N").err


def contact_of(database: Database) -> tuple[str | None, ...]:
    with database.read() as session:
        row = session.exec(select(License)).one()
        return row.contact_name, row.contact_email, row.contact_url


def test_an_imported_contact_is_kept_where_a_later_file_leaves_it_out(
    run: Run, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "all.yaml"
    contact = "    contact: {name: Noor Claes, url: https://vendor.example/noor}\n"
    file.write_text(ACME.replace("    contracts:\n", f"{contact}    contracts:\n"))
    assert run("licenses", "import", file).code == 0
    file.write_text(ACME)
    assert run("licenses", "import", file).code == 0
    assert contact_of(database) == ("Noor Claes", None, "https://vendor.example/noor")
    file.write_text(ACME.replace("    contracts:\n", "    contact: {name: Noor, email: x}\n    contracts:\n"))
    refused = run("licenses", "import", file).err
    assert f"{file}:4: licenses[0].contact.email: email 'x' is not an e-mail address." in refused
