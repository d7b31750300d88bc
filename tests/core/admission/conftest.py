"""Somebody who checks in at the test's engine, at a time that stands still."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from core.admission.admitter import Admitter
from core.admission.check_in import CheckIn, CheckInRequest
from core.admission.report import InstallationReport, installation_report, load_counters
from core.admission.tables import AdmissionWindow, Installation
from core.database.engine import Database
from core.settings import Settings
from core.workers.tidy_quotas import tidy_due
from tests.fixtures.engine import NOW, Engine

METER = "active_installations"


@dataclass
class Desk:
    """Where installations check in; `now` is its time. Each call of :meth:`server` is a process with no memory."""

    engine: Engine
    now: datetime = NOW
    license: str = "acme"
    admitter: Admitter = field(init=False, repr=False)
    _opened: list[Admitter] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.admitter = self.server()

    def server(self, database: Database | None = None, **settings: int) -> Admitter:
        given = Settings(database_url=self.engine.runtime.settings.database_url, **settings)  # type: ignore[arg-type]
        admitter = Admitter(database or self.engine.database, self.engine.runtime.registry, given, lambda: self.now)
        self._opened.append(admitter)
        return admitter

    def check_in(self, installation: str, admitter: Admitter | None = None) -> CheckIn:
        return (admitter or self.admitter).check_in(CheckInRequest(self.license, METER, installation, "a key"))

    def decisions(self, *installations: str) -> list[str]:
        return [self.check_in(one).decision.value for one in installations]

    def wait(self, **time: float) -> None:
        """Let time go by; nothing that was read before is believed any more."""
        self.now += timedelta(**time)
        self.admitter = self.server()

    def flush(self) -> None:
        """Have it written on which day installations were seen: a server does so within a second, and at its end."""
        self.admitter.close()
        self.admitter = self.server()

    def tidy(self) -> int:
        return tidy_due(self.engine.database, self.engine.runtime.registry, self.now)

    def report(self, day: datetime | None = None) -> tuple[int, ...]:
        """Active, new, returning, lost and refused."""
        found = self.whole_report(day)
        assert found
        assert found.skewed is (found.refused > 0)
        return found.active, found.new, found.returning, found.lost, found.refused

    def whole_report(self, day: datetime | None = None) -> InstallationReport | None:
        meter = self.admitter.quota_meters.meters[METER]
        loaded = self.engine.loaded(self.license, self.now)
        with self.engine.database.read() as session:
            return installation_report(
                load_counters(session, [loaded.id], meter, self.now)[loaded.id],
                loaded,
                meter,
                day.date() if day else None,
                self.now,
            )

    def rows(self) -> list[Installation]:
        with self.engine.database.read() as session:
            return list(session.exec(select(Installation)))

    def windows(self) -> list[AdmissionWindow]:
        with self.engine.database.read() as session:
            return list(session.exec(select(AdmissionWindow).order_by(AdmissionWindow.starts_at)))  # type: ignore[arg-type]

    def close(self) -> None:
        for admitter in self._opened:
            admitter.close()


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    desk = Desk(engine)
    yield desk
    desk.close()


@pytest.fixture
def quota(engine: Engine) -> Callable[..., int]:
    """Puts the license acme, if need be, with a quota; what else the contract says of it by name."""

    def put(places: int | None, **terms: object) -> int:
        from core.licenses.quota_terms import QuotaTerms

        given = {} if places is None else {METER: places}
        known = {"starts_on", "effective_from", "now", "alert_at"} & terms.keys()
        contract = {name: terms.pop(name) for name in known}
        quotas = ((METER, QuotaTerms(**terms)),) if terms else ()  # type: ignore[arg-type]
        engine.license("acme")
        return engine.contract("acme", given, quotas=quotas, **contract)  # type: ignore[arg-type]

    return put
