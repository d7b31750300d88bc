import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Event
from typing import Any

import pytest
import time_machine
from sqlalchemy import event
from sqlmodel import col, select

from core.administration.document import LARGEST, InvalidFile
from core.administration.import_file import ImportedLicenses, _locked, import_licenses, read_licenses
from core.consumption.snapshots import load_snapshots, lock_snapshots
from core.consumption.tables import Snapshot
from core.licenses.tables import Contract, Grant, License, LicenseAdmin
from core.usage.tables import LateUsage
from core.workers.refresh_due import refresh_all_due
from tests.fixtures.engine import NOW, Engine

ACME = """\
licenses:
  - key: acme
    name: "Acme: Retail"
    time_zone: Europe/Brussels
    admins:
      - {email: ada@acme.example, name: Ada, language: nl}
      - email: bo@acme.example
    contracts:
      - effective_from: 2025-01-01
        starts_on: 2024-02-29
        terms: {profiles: 100_000, interactions_per_profile: 12.50}
      - effective_from: "2026-01-01"
        starts_on: 2024-02-29
        billing_period: P3M
        anchor: CALENDAR_YEAR
        terms:
          profiles: 9007199254740991.123456789
          forms: 1e3
        at_risk: {interactions: 0.85, forms: 1}
        alert_at: {interactions: [0.75, 0.5], forms: [1.2]}
        warnings: true
        expiry_notice_days: [1, 60]
    grants:
      - id: one
        amount: 0.1
        entity: be
        granted_at: 2026-01-01T00:00:00+01:00
        expires_at: 2027-01-01 00:00:00Z
        note: for the stores
        meter: sms_credits
      - {id: two, amount: 5, granted_at: 2026-02-01T00:00:00Z}
  - key: empty
    name: Nothing yet
    admins: []
    contracts:
    grants: []
"""


def put(engine: Engine, text: str | bytes, now: datetime = NOW) -> ImportedLicenses:
    content = text if isinstance(text, bytes) else text.encode()
    with engine.database.write() as session:
        return import_licenses(session, read_licenses("all.yaml", content), engine.runtime.registry, now)


def refused(engine: Engine, text: str | bytes, now: datetime = NOW) -> list[str]:
    """What is said of a file that cannot be imported; nothing of it was put."""
    before = everything(engine)
    with pytest.raises(InvalidFile) as error:
        put(engine, text, now)
    assert everything(engine) == before
    return error.value.message.split("\n")


def everything(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    with engine.database.read() as session:
        return {
            table.__name__: sorted((row.model_dump() for row in session.exec(select(table))), key=str)
            for table in (License, LicenseAdmin, Contract, Grant, LateUsage, Snapshot)
        }


def a_contract(terms: str) -> str:
    return (
        "licenses: [{key: acme, name: Acme, contracts: "
        f"[{{effective_from: 2026-01-01, starts_on: 2026-01-01, terms: {terms}}}]}}]"
    )


def test_everything_in_a_file_is_put_and_numbers_are_exact(engine: Engine) -> None:
    assert put(engine, ACME) == ImportedLicenses(licenses=2, contracts=2, grants=2)
    with engine.database.read() as session:
        acme, empty = session.exec(select(License).order_by(License.key)).all()
        assert (acme.name, acme.time_zone) == ("Acme: Retail", "Europe/Brussels")
        assert (empty.name, empty.time_zone) == ("Nothing yet", "UTC")
        assert [
            (admin.license_id, admin.email, admin.name, admin.language)
            for admin in session.exec(select(LicenseAdmin).order_by(LicenseAdmin.email))
        ] == [(acme.id, "ada@acme.example", "Ada", "nl"), (acme.id, "bo@acme.example", None, None)]
        first, second = session.exec(select(Contract).order_by(col(Contract.version))).all()
        assert (first.effective_from, first.starts_on) == (date(2025, 1, 1), date(2024, 2, 29))
        assert (first.billing_period, first.anchor, first.warnings) == ("P1Y", "CONTRACT_DATE", False)
        assert {key: Decimal(value) for key, value in first.terms.items()} == {
            "profiles": Decimal(100000),
            "interactions_per_profile": Decimal("12.5"),
        }
        assert second.effective_from == date(2026, 1, 1)
        assert (second.billing_period, second.anchor, second.warnings) == ("P3M", "CALENDAR_YEAR", True)
        assert second.terms["profiles"] == "9007199254740991.123456789"
        assert Decimal(second.terms["forms"]) == 1000
        assert second.at_risk == {"interactions": "0.85", "forms": "1"}
        assert (first.expiry_notice_days, second.expiry_notice_days) == ([30, 7], [60, 1])
        assert second.alert_at == {"interactions": ["0.5", "0.75"], "forms": ["1.2"]}
        one, two = session.exec(select(Grant).order_by(Grant.id)).all()
        assert (one.amount, one.entity, one.note, one.meter) == (
            Decimal("0.1"),
            "be",
            "for the stores",
            "sms_credits",
        )
        assert one.granted_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
        assert one.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
        assert (two.amount, two.entity, two.note, two.meter) == (Decimal(5), None, None, "sms_credits")


def test_the_same_file_again_changes_nothing(engine: Engine) -> None:
    put(engine, ACME)
    before = everything(engine)
    put(engine, ACME, NOW + timedelta(days=400))
    after = everything(engine)
    assert after == before


def test_admins_that_a_file_does_not_name_stay_and_an_empty_list_removes_them(engine: Engine) -> None:
    put(engine, ACME)
    put(engine, "licenses: [{key: acme, name: Acme}]")
    assert len(everything(engine)["LicenseAdmin"]) == 2
    put(engine, "licenses: [{key: acme, name: Acme, admins: []}]")
    assert everything(engine)["LicenseAdmin"] == []


def test_everything_that_is_wrong_is_said_with_its_line_and_key_and_the_nearest_known_one(engine: Engine) -> None:
    text = """\
licences: []
licenses:
  - key: acme
    name: 123
    time_zone: Europe/Brusels
    admins:
      - email: a@b.c
      - email: nope
        nme: x
    contracts:
      - effective_from: 2026-02-30
        starts_on: "2026-01-01"
        terms:
          profiles: 1
      - effective_from: 2026-01-01
        starts_on: 2026-01-01
        billing_period: P1X
        terms:
          profles: 1
          forms: -1
          profiles: "10"
        at_risk: {interactions: 1.5, profiles: 0.85, interaction: 1}
      - effective_from: 2026-01-01
        terms: {forms: 1, forms: 2}
        warnings: yes
    grants:
      - id: a
        amount: 0
        expires_at: 2020-01-01T00:00:00Z
      - id: a
        amount: .inf
        granted_at: 2026-01-01
        meter: sms
  - key: acme
    contracts: {}
"""
    assert refused(engine, text) == [
        "all.yaml:1: licences: no key 'licences' is known here. Did you mean 'licenses'?",
        "all.yaml:4: licenses[0].name: must be a text, in quotes: '123'.",
        "all.yaml:5: licenses[0].time_zone: time_zone 'Europe/Brusels' is not an IANA time zone. "
        "Did you mean 'Europe/Brussels'?",
        "all.yaml:8: licenses[0].admins[1].email: email 'nope' is not an e-mail address.",
        "all.yaml:9: licenses[0].admins[1].nme: no key 'nme' is known here. Did you mean 'name'?",
        "all.yaml:11: licenses[0].contracts[0].effective_from: 2026-02-30 does not exist.",
        "all.yaml:17: licenses[0].contracts[1].billing_period: billing_period 'P1X' is not an ISO 8601 duration; "
        "write P1Y, P3M or P30D.",
        "all.yaml:19: licenses[0].contracts[1].terms.profles: No meter knows the term 'profles'. "
        "Did you mean 'profiles'?",
        "all.yaml:20: licenses[0].contracts[1].terms.forms: The term forms must be a number from 0 to 2^53, not -1.",
        "all.yaml:21: licenses[0].contracts[1].terms.profiles: must be a decimal number, without quotes.",
        "all.yaml:22: licenses[0].contracts[1].at_risk.interaction: No meter 'interaction'. "
        "Did you mean 'interactions'?",
        "all.yaml:22: licenses[0].contracts[1].at_risk.interactions: ratio must be above 0 and up to 1, not 1.5.",
        "all.yaml:23: licenses[0].contracts[2]: starts_on is missing.",
        "all.yaml:23: licenses[0].contracts[2].effective_from: two contracts of this license take effect on "
        "2026-01-01.",
        "all.yaml:24: licenses[0].contracts[2].terms.forms: this key is there twice.",
        "all.yaml:25: licenses[0].contracts[2].warnings: must be true or false.",
        "all.yaml:28: licenses[0].grants[0].amount: amount must be above 0 and up to 2^53, not 0.",
        "all.yaml:29: licenses[0].grants[0].expires_at: expires_at must be after granted_at.",
        "all.yaml:30: licenses[0].grants[1].id: two grants of this license have the id 'a'; give each its own.",
        "all.yaml:31: licenses[0].grants[1].amount: must be a decimal number, without quotes.",
        "all.yaml:32: licenses[0].grants[1].granted_at: must be a time with its offset from UTC, as "
        "2026-01-31T00:00:00Z.",
        "all.yaml:33: licenses[0].grants[1].meter: No meter of credits 'sms': sms_credits.",
        "all.yaml:34: licenses[1]: name is missing.",
        "all.yaml:34: licenses[1].key: this license is there twice; put its contracts and grants in one place.",
        "all.yaml:35: licenses[1].contracts: must be a list.",
    ]


def test_what_only_the_database_knows_to_be_wrong_is_said_with_its_line_and_nothing_is_put(engine: Engine) -> None:
    put(engine, ACME)
    text = ACME.replace("Nothing yet", "Something").replace("amount: 5,", "amount: 6,")
    assert refused(engine, text) == [
        "all.yaml:31: licenses[0].grants[1].id: A grant 'two' was made before with other content. "
        "Give each grant its own id."
    ]


def test_further_ratios_that_cannot_be_are_said_with_their_line(engine: Engine) -> None:
    text = ACME.replace("[0.75, 0.5]", "[0.75, x, 11]").replace("forms: [1.2]", "form: [1.2]")
    assert refused(engine, text) == [
        "all.yaml:20: licenses[0].contracts[1].alert_at.form: No meter 'form'. Did you mean 'forms'?",
        "all.yaml:20: licenses[0].contracts[1].alert_at.interactions: ratio must be above 0 and up to 10, not 11.",
        "all.yaml:20: licenses[0].contracts[1].alert_at.interactions[1]: must be a decimal number, without quotes.",
    ]


def test_ratios_of_forecasts_are_imported_lowest_first(engine: Engine) -> None:
    put(engine, ACME.replace("        warnings: true\n", "        forecast_at: {interactions: [1, 0.9]}\n"))
    with engine.database.read() as session:
        first, second = session.exec(select(Contract).order_by(col(Contract.version))).all()
    assert (first.forecast_at, second.forecast_at) == ({}, {"interactions": ["0.9", "1"]})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("expires_at: 2027-01-01 00:00:00Z", "expires_at: 2028-01-01 00:00:00Z"),
        ("granted_at: 2026-01-01T00:00:00+01:00", "granted_at: 2026-01-02T00:00:00+01:00"),
        ("note: for the stores", "note: for somebody else"),
    ],
)
def test_a_grant_that_a_file_changes_is_refused_rather_than_left_as_it_was(
    engine: Engine, before: str, after: str
) -> None:
    put(engine, ACME)
    (said,) = refused(engine, ACME.replace(before, after))
    assert said.startswith("all.yaml:24: licenses[0].grants[0].id: A grant 'one' was made before")


def test_a_grant_without_a_date_keeps_that_of_its_first_import_also_after_it_expired(engine: Engine) -> None:
    text = "licenses: [{key: acme, name: Acme, grants: [{id: g, amount: 1, expires_at: 2026-04-01T00:00:00Z}]}]"
    put(engine, text)
    put(engine, text, NOW + timedelta(days=365))
    (grant,) = everything(engine)["Grant"]
    assert grant["granted_at"] == NOW
    text = text.replace("id: g", "id: new")
    assert refused(engine, text, NOW + timedelta(days=365)) == [
        "all.yaml:1: licenses[0].grants[0].expires_at: expires_at must be after granted_at."
    ]


@pytest.mark.parametrize(
    "number", ["'1'", ".inf", ".nan", "0x10", "0o17", "010", "true", "1,000", "~", "[1]", "1e9999", "_1", "2026-01-01"]
)
def test_what_is_no_plain_decimal_number_is_refused(engine: Engine, number: str) -> None:
    (said,) = refused(engine, a_contract(f'{{"forms": {number}}}' if "," not in number else "{forms: '1,000'}"))
    assert said == "all.yaml:1: licenses[0].contracts[0].terms.forms: must be a decimal number, without quotes."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "all.yaml:1: the file is empty."),
        ("- acme\n", "all.yaml:1: must be a mapping with the keys licenses."),
        ("{}", "all.yaml:1: licenses is missing."),
        ("licenses:\n", "all.yaml:1: licenses: must be a list."),
        ("licenses:\n  - acme\n", "all.yaml:2: licenses[0]: must be a mapping with the keys key, name, time_zone, "
         "admins, contact, contracts, grants."),
        ("licenses:\n  - key: [\n", "all.yaml:3: this is not YAML: while parsing a flow node, expected the node "
         "content, but found '<stream end>'."),
        ("licenses: []\n---\nlicenses: []\n", "all.yaml:2: this is not YAML: expected a single document in the stream,"
         " but found another document."),
        (b"licenses:\n  - name: \xff\n", "all.yaml:2: this is not UTF-8."),
        ("a: &x [b]\n", "all.yaml:1: the anchor &x cannot be used here; write the value out wherever it is needed."),
        ("- " * 20_000, "all.yaml:1: the file is nested too deeply."),
        ("licenses: !!python/object/apply:os.getcwd []", "all.yaml:1: licenses: must be a list."),
        (" " * (LARGEST + 1), "all.yaml:1: the file has more than 8 MiB; split it."),
    ],
)  # fmt: skip
def test_what_is_no_file_of_licenses_is_refused_by_its_line(engine: Engine, content: str | bytes, said: str) -> None:
    assert refused(engine, content) == [said]


def test_a_file_that_would_unfold_to_billions_is_refused_at_its_first_anchor(engine: Engine) -> None:
    bomb = "licenses:\n  - &a {key: x, name: x}\n" + "".join(
        f"  - &{name} [{', '.join(f'*{before}' for _ in range(10))}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert refused(engine, bomb) == [
        "all.yaml:2: the anchor &a cannot be used here; write the value out wherever it is needed."
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_taken(engine: Engine) -> None:
    assert put(engine, b"\xef\xbb\xbf" + ACME.replace("\n", "\r\n").encode()).licenses == 2


def test_a_key_that_no_database_can_hold_is_refused(engine: Engine) -> None:
    text = 'licenses: [{key: "a\\0b", name: Acme, grants: [{id: a, amount: 1}]}]'
    (said,) = refused(engine, text)
    assert said.startswith("all.yaml:1: licenses[0].key: key 'a\\x00b' must begin with a letter or digit")


@pytest.mark.parametrize("day", [NOW.date(), NOW.date() - timedelta(days=3)])
def test_what_holds_already_is_shown_by_the_next_refresh_that_is_due(
    engine: Engine, clock: time_machine.Traveller, day: date
) -> None:
    def contract(forms: int) -> str:
        return (
            f"licenses: [{{key: acme, name: Acme, contracts: [{{effective_from: {day}, starts_on: 2026-01-01, "
            f"terms: {{forms: {forms}}}}}], grants: [{{id: grant-{forms}, amount: 100}}]}}]"
        )

    put(engine, contract(10))
    refresh_all_due(engine.runtime)
    assert (engine.reading("forms").limit, engine.reading("sms_credits").limit) == (10, 100)
    clock.shift(timedelta(hours=1))
    put(engine, contract(20), NOW + timedelta(hours=1))
    refresh_all_due(engine.runtime)
    assert (engine.reading("forms").limit, engine.reading("sms_credits").limit) == (20, 200)


def test_an_import_and_a_refresh_of_the_same_licenses_do_not_wait_for_each_other_in_a_circle(engine: Engine) -> None:
    ids = [engine.license(key) for key in ("first", "second")]
    text = "licenses:\n  - {key: second, name: Two}\n  - {key: first, name: One}\n"
    begun = Event()

    def progress(done: int, _: int) -> None:
        if done:
            begun.set()
            time.sleep(0.5)  # so that the refresh locks what it can before the next license is put

    def refresh() -> list[int]:
        with engine.database.read() as session:
            known = load_snapshots(session, ids)
        assert begun.wait(30)
        with engine.database.write() as session:
            return [one.version for one in lock_snapshots(session, known).values()]

    with ThreadPoolExecutor() as threads:
        refreshed = threads.submit(refresh)
        with engine.database.write() as session:
            import_licenses(session, read_licenses("all.yaml", text.encode()), engine.runtime.registry, NOW, progress)
        assert refreshed.result() == [1, 1]


def test_two_imports_of_the_same_licenses_in_other_orders_both_succeed(engine: Engine) -> None:
    engine.license("known")
    begun = Barrier(2)

    def put_in(order: list[str]) -> ImportedLicenses:
        text = "licenses:\n" + "".join(
            f"  - key: {key}\n    name: {order[0]}\n"
            "    contracts: [{effective_from: 2026-01-01, starts_on: 2026-01-01, terms: {forms: 5}}]\n"
            for key in order
        )
        file = read_licenses("all.yaml", text.encode())
        begun.wait(30)
        with engine.database.write() as session:
            return import_licenses(session, file, engine.runtime.registry, NOW, lambda *_: time.sleep(0.1))

    with ThreadPoolExecutor() as threads:
        put = threads.map(put_in, (["new", "known", "other"], ["other", "new", "known"]))
        assert list(put) == [ImportedLicenses(3, 3, 0)] * 2
    with engine.database.read() as session:
        assert len(session.exec(select(Contract)).all()) == 3


def test_a_file_of_many_licenses_locks_them_in_few_statements(engine: Engine) -> None:
    for key in ("a", "b", "c"):
        engine.license(key)
    said: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement.split(maxsplit=1)[0])

    with engine.database.write() as session:
        event.listen(engine.database.engine, "before_cursor_execute", note)
        assert set(_locked(session, ["a", "b", "c", "d"])) == {"a", "b", "c"}
        event.remove(engine.database.engine, "before_cursor_execute", note)
    assert said.count("SELECT") == 3
