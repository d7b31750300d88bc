"""The usage of a meter: each meter gets what it reads, and each plugin has a child of its own."""

import logging
from datetime import timedelta
from decimal import Decimal

import pytest
from allowance import SumCell, Usage

from core.database.engine import Database
from core.plugins.sandbox.process import ChildProcess
from core.plugins.sandbox.protocol import ChildFailure
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import engine_with, own_meter
from tests.fixtures.engine import NOW, usage_event

SEEN = "(EventType('page.seen', 'counter', (Dimension('user'),)),)"
CALLED = "(EventType('api.called', 'counter'),)"
SEES_ALL = "return Reading(used=sum(len(s) for s in (*usage._sums.values(), *usage._levels.values())))"
SPOILS = """
for made, name, value in ((contract, "terms", {"jobs": Decimal(99)}), (license, "name", "evil"), (usage, "at", None)):
    object.__setattr__(made, name, value)
for cells in (usage._sums, usage._levels):
    cells.clear()
Meter.limit_of = lambda self, contract: Limit(12345, "spoilt")
Usage.total = lambda self, *asked, **more: Decimal(0)
return Reading(used=1)
"""


def test_a_meter_gets_the_event_types_that_it_reads_and_no_more(load: Load, database: Database) -> None:
    registry = load(
        some=own_meter("sees_seen", SEES_ALL, SEEN) + own_meter("sees_called", SEES_ALL, CALLED),
        none=own_meter("sees_none", SEES_ALL),
    )
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={})
        events = [usage_event("page.seen", dimensions={"user": f"u{number}"}) for number in range(7)]
        engine.send(*events, usage_event("api.called"), usage_event("users.level", value=3))
        engine.refresh()

        readings = engine.readings()
        assert [readings[key].used for key in ("sees_seen", "sees_called", "sees_none")] == [7, 1, 0]


def test_too_much_usage_costs_the_meter_that_reads_it_and_names_the_type(
    load: Load, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    registry = load(
        heavy=own_meter("pages", "return Reading(used=1)", SEEN, days=8) + own_meter("light", "return Reading(used=2)"),
        other=own_meter("calls", 'return Reading(used=usage.total("api.called", contract.period))', CALLED),
    )
    with engine_with(registry, database, max_cells=1000) as engine:
        engine.license("acme", terms={})
        seen = [
            usage_event("page.seen", time=NOW - timedelta(days=day), dimensions={"user": f"u{number}"})
            for number in range(251)
            for day in range(4)
        ]
        engine.send(*seen, usage_event("api.called", quantity=5))
        with caplog.at_level(logging.WARNING, "core.plugins"):
            engine.refresh()

        readings = engine.readings()
        assert {key for key, reading in readings.items() if reading.problem} == {"pages"}
        assert readings["pages"].problem
        assert readings["pages"].problem.code == "METER_TOO_MUCH_USAGE"
        assert [readings[key].used for key in ("light", "calls")] == [2, 5]
    (line,) = [record.getMessage() for record in caplog.records if "METER_" in record.getMessage()]
    assert "meter pages, license acme" in line
    assert "it reads 1004 cells of usage, of which 1004 are of page.seen; the most are 1000" in line


def test_a_meter_that_changes_its_arguments_and_the_sdk_changes_no_reading_of_another_plugin(
    load: Load, database: Database
) -> None:
    jobs = 'METERS.append(Counter(key="jobs", event="job.run", limit="jobs", **TEXTS))'
    own = own_meter(
        "twice", 'return Reading(used=usage.total("job.run", contract.period), limit=self.limit_of(contract))',
        "(EventType('job.run', 'counter'),)", limit="jobs",
    )  # fmt: skip
    registry = load(aaa=own_meter("aaa_first", SPOILS), real=jobs + own)
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={"jobs": 7})
        engine.send(usage_event("job.run", quantity=12_345))
        engine.refresh()
        engine.refresh()

        readings = engine.readings()
        assert [(readings[key].used, readings[key].limit) for key in ("jobs", "twice")] == [(12_345, Decimal(7))] * 2
        assert readings["aaa_first"].used == 1


def test_days_that_another_meter_requests_are_not_sent(
    load: Load, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Usage] = []
    really = ChildProcess.load

    def load_and_note(process: ChildProcess, usage: Usage) -> ChildFailure | None:
        sent.append(usage)
        return really(process, usage)

    monkeypatch.setattr(ChildProcess, "load", load_and_note)
    registry = load(
        long=own_meter("ever", "return Reading(used=1)", CALLED, days=None),
        short=own_meter("week", 'return Reading(used=usage.total("api.called", contract.period))', CALLED, days=7),
    )
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={}, starts_on=NOW.date().replace(day=1))
        engine.backfill(*(usage_event("api.called", time=NOW - timedelta(days=day)) for day in range(60)))
        engine.refresh()  # all days of the late usage
        sent.clear()
        engine.refresh()
        assert engine.reading("week").used == NOW.day
    firsts = [min(cell.first for cell in usage.cells() if isinstance(cell, SumCell)) for usage in sent]
    assert sorted(firsts) == [NOW.date() - timedelta(days=59), NOW.date().replace(day=1)]
