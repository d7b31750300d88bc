"""A partner's plugin on the path of this process and of its children, and questions to its meters."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from allowance import Contract, Grant, LevelCell, License, Meter, Period, SumCell, Usage

from core.measuring.measure import Measurer, MeterQuestion
from core.plugins.host import load_plugins

TIMEOUT = timedelta(seconds=1)
LONG_TIMEOUT = timedelta(minutes=1)
"""For meters that end by themselves: on a busy machine a process may need seconds for it."""
MEMORY = 256 * 2**20


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory that the plugin is installed in; it is on the path of every process that measures here."""
    site = tmp_path_factory.mktemp("site-packages")
    shutil.copy(Path(__file__).with_name("misbehaving.py"), site)
    about = site / "misbehaving-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[allowance]\nmisbehaving = misbehaving\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield site
    sys.modules.pop("misbehaving", None)


@pytest.fixture(scope="module")
def meters(partner: Path) -> Mapping[str, Meter]:
    return load_plugins().meters


@pytest.fixture(scope="module")
def warm(partner: Path) -> Iterator[Measurer]:
    """A measurer that many tests share, so that its processes are not fresh."""
    measurer = Measurer(timeout=LONG_TIMEOUT, memory=MEMORY)
    yield measurer
    measurer.close()


@pytest.fixture(scope="module")
def impatient(partner: Path) -> Iterator[Measurer]:
    """A measurer for meters that never answer."""
    measurer = Measurer(timeout=3 * TIMEOUT, memory=MEMORY)
    yield measurer
    measurer.close()


@pytest.fixture
def measurer(partner: Path) -> Iterator[Measurer]:
    """A measurer of the test's own."""
    measurer = Measurer(timeout=TIMEOUT, memory=MEMORY)
    yield measurer
    measurer.close()


@pytest.fixture
def usage() -> Usage:
    """Three messages on each of two days, and one in another entity; two bots; a grant."""
    return Usage(
        datetime(2026, 3, 2, 12, tzinfo=UTC),
        "Europe/Berlin",
        sums=[
            SumCell("chat.sent", date(2026, 3, 1), date(2026, 3, 1), Decimal("3.10"), "", {"channel": "web"}),
            SumCell("chat.sent", date(2026, 3, 2), date(2026, 3, 2), Decimal(3), "", {"channel": "web"}),
            SumCell("chat.sent", date(2026, 3, 2), date(2026, 3, 2), Decimal(1), "Köln", {"channel": "app"}),
        ],
        levels=[
            LevelCell("bots.level", date(2026, 2, 1), Decimal(2), "Köln", {"type": "clever"}),
            LevelCell("bots.level", date(2026, 3, 2), Decimal(5), "Köln", {"type": "clever"}),
        ],
        grants=[
            Grant("g1", Decimal("10.5"), datetime(2026, 1, 1, tzinfo=UTC)),
            Grant(
                "g2",
                Decimal(7),
                datetime(2026, 3, 2, tzinfo=UTC),
                expires_at=datetime(2027, 1, 1, tzinfo=UTC),
                entity="Köln",
                time_zone="Europe/Berlin",
                meter="honest",
            ),
        ],
        loaded_from={"chat.sent": date(2026, 1, 1)},
    )


@pytest.fixture
def ask(meters: Mapping[str, Meter], usage: Usage) -> Callable[..., MeterQuestion]:
    """A question to the meter of that key: ``ask("honest")``, or with a usage of its own."""

    def ask(meter: str, usage: Usage = usage, license: str = "acme") -> MeterQuestion:
        contract = Contract(
            3,
            Period(date(2026, 1, 1), date(2027, 1, 1), "Europe/Berlin"),
            terms={"chat": Decimal("1000.50")},
            at_risk={"honest": Decimal("0.8")},
            alert_at={"honest": (Decimal("0.5"),)},
        )
        return MeterQuestion(meters[meter], License(license, "Acme & Söhne", "Europe/Berlin"), contract, usage)

    return ask
