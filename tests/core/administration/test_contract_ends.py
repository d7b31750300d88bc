"""Putting contracts with an end."""

from datetime import date

import pytest
from sqlmodel import select

from core.administration.document import InvalidFile
from core.administration.import_file import import_licenses, read_licenses
from core.errors import InvalidInput
from core.licenses.tables import Contract
from tests.core.refresh.common import late_marks
from tests.fixtures.engine import NOW, Engine

FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
AFTER = date(2026, 7, 1)


def ends(engine: Engine) -> list[tuple[int, date, date | None, bool]]:
    """Each version with its first and last day, and whether it warns."""
    with engine.database.read() as session:
        rows = session.exec(select(Contract).order_by(Contract.version)).all()  # type: ignore[arg-type]
        return [(row.version, row.effective_from, row.ends_on, row.warnings) for row in rows]


def test_the_same_end_again_is_no_change_and_another_end_is_a_new_version(engine: Engine) -> None:
    engine.license(terms={}, ends_on=LAST)
    assert engine.contract("acme", {}, ends_on=LAST) == 1
    assert engine.contract("acme", {}) == 1  # left out
    assert engine.contract("acme", {}, ends_on=AFTER) == 2
    assert engine.contract("acme", {}, ends_on=None) == 3
    assert [end for *_, end, _ in ends(engine)] == [LAST, AFTER, None]


def test_a_version_within_a_contract_keeps_its_end_and_a_renewal_has_none(engine: Engine) -> None:
    engine.license(terms={}, ends_on=LAST, warnings=True)
    engine.contract("acme", {}, effective_from=LAST)
    engine.contract("acme", {}, effective_from=AFTER)
    assert ends(engine) == [(1, FIRST, LAST, True), (2, LAST, LAST, True), (3, AFTER, None, True)]


@pytest.mark.parametrize("ends_on", [date(2025, 12, 31), date(2200, 1, 1)])
def test_an_end_before_the_begin_or_too_late_is_refused(engine: Engine, ends_on: date) -> None:
    engine.license()
    with pytest.raises(InvalidInput) as refused:
        engine.contract("acme", {}, ends_on=ends_on)
    assert [(problem.path, problem.message) for problem in refused.value.problems] == [
        (("endsOn",), f"endsOn {ends_on} must be from effectiveFrom to before 2200-01-01.")
    ]
    engine.contract("acme", {}, ends_on=FIRST)


def test_an_end_of_the_past_is_measured_again_from_the_begin_of_the_contract(engine: Engine) -> None:
    license_id = engine.license(terms={})
    engine.contract("acme", {}, ends_on=date(2026, 2, 1), now=NOW)
    assert late_marks(engine) == {(license_id, FIRST)}


FILE = """\
licenses:
  - key: acme
    name: Acme
    contracts:
      - {effective_from: 2026-01-01, starts_on: 2026-01-01, ends_on: 2026-06-30, terms: {forms: 3}}
      - {effective_from: 2026-07-01, starts_on: 2026-07-01, ends_on: null, terms: {forms: 4}}
"""


def put_file(engine: Engine, content: str) -> None:
    with engine.database.write() as session:
        import_licenses(session, read_licenses("acme.yaml", content.encode()), engine.runtime.registry, NOW)


def test_a_file_states_ends_and_changes_nothing_when_it_is_imported_again(engine: Engine) -> None:
    for _ in range(2):
        put_file(engine, FILE)
        assert ends(engine) == [(1, FIRST, LAST, False), (2, AFTER, None, False)]


def test_a_wrong_end_is_reported_with_its_line_in_the_words_of_the_file(engine: Engine) -> None:
    with pytest.raises(InvalidFile) as refused:
        put_file(engine, FILE.replace("ends_on: 2026-06-30", "ends_on: 2025-06-30"))
    assert str(refused.value) == (
        "acme.yaml:5: licenses[0].contracts[0].ends_on: ends_on 2025-06-30 must be from effective_from to before "
        "2200-01-01."
    )
