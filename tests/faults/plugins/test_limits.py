"""The limit of a partner's meter: no method of the partner runs in the process of the server."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from core.admission.check_in import CheckInRequest, Decision
from core.database.engine import Database
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import PATIENCE, TIMEOUT, engine_with

QUOTA = """
class Own(Admission):
    def limit_of(self, contract):
        {}

METERS.append(Own(key="mau_hard", limit="mau_hard", **TEXTS))
"""
WAYS = {
    "raises": 'return Limit(-(-contract.terms["mau_hard"] // 100) * 100, "rounded")',
    "sleeps": "time.sleep(60)",
    "leaves": "raise SystemExit(1)",
    "exits": "os._exit(1)",
    "marks the process": "open(os.environ['TMPDIR'] + '/' + str(os.getpid()), 'w').close()",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_in_code_costs_the_readings_of_its_meter_alone(
    way: str, load: Load, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "marks"))
    (tmp_path / "marks").mkdir()
    registry = load(bad=QUOTA.format(WAYS[way]))
    timeout = TIMEOUT if way == "sleeps" else PATIENCE
    with engine_with(registry, database, timeout=timeout) as engine:
        engine.license("acme", terms={"users": 5, "active_installations": 3})
        engine.refresh()
        readings = engine.readings()
        answers = [
            engine.runtime.admitter.check_in(CheckInRequest("acme", meter, "one", "key"))
            for meter in ("active_installations", "mau_hard")
        ]

        assert [answer.decision for answer in answers] == [Decision.ADMITTED] * 2
        assert [answer.quota for answer in answers] == [3, None]
        assert {meter for meter, reading in readings.items() if reading.problem} <= {"mau_hard"}
        assert readings["users"].limit == Decimal(5)
    assert str(os.getpid()) not in [path.name for path in (tmp_path / "marks").iterdir()]


def test_a_quota_is_the_declared_limit_for_places_and_for_readings_alike(load: Load, database: Database) -> None:
    registry = load(bad=QUOTA.format(WAYS["raises"]))
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={"mau_hard": 150})
        engine.refresh()
        answer = engine.runtime.admitter.check_in(CheckInRequest("acme", "mau_hard", "one", "key"))

        assert (answer.quota, engine.reading("mau_hard").limit) == (150, Decimal(150))
