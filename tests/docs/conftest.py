"""The demonstration, started as the README says, for the pages whose commands and queries are run on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic

import orjson
import pytest

from tests.api.server import Client
from tests.e2e.processes import Installation


@dataclass(frozen=True)
class Start:
    """A start of ``allowance serve --demo``: what it said, and how many seconds it took."""

    url: str
    out: str
    log: str
    seconds: float


@dataclass(frozen=True)
class Demo:
    """The demonstration, started for a second time."""

    first: Start
    second: Start
    work_of_first: float
    """Seconds of processor time that the first start took: other tests run beside it, and take their share."""
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return self.second.url

    def client(self, name: str) -> Client:
        """A client with one of the keys that it keeps."""
        return Client(self.url, self.tokens[name])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    installation = Installation(tmp_path_factory.mktemp("demo"), "sqlite:///data/allowance.db")
    before = _work_of_processes()
    with _started(installation) as first:
        pass
    work_of_first = _work_of_processes() - before
    with _started(installation) as second:
        tokens = orjson.loads((installation.home / "data" / "demo" / "tokens.json").read_bytes())
        yield Demo(first, second, work_of_first, tokens)


@contextmanager
def _started(installation: Installation) -> Iterator[Start]:
    begun = monotonic()
    with installation.serving("--demo") as (server, url):
        yield Start(url, server.out.read_text(), server.log.read_text(), monotonic() - begun)
        server.stop()


def _work_of_processes() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
