"""The order of several hosts: the one that served last comes first, and the others follow soon."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from psycopg import OperationalError

from core.database.hosts import QUICK, HostOrder

PARAMETERS = {"host": "a,b,::1", "port": "5432,,5433", "connect_timeout": 5, "user": "ann"}


@dataclass(frozen=True)
class Info:
    host: str
    port: int


@dataclass(frozen=True)
class Connected:
    info: Info


@dataclass
class Servers:
    """Hosts of which those serve that are named."""

    serving: set[str]
    tried: list[tuple[str, int]] = field(default_factory=list)

    def connect(self, **parameters: Any) -> Connected:
        assert parameters["user"] == "ann"
        for host, port in zip(parameters["host"].split(","), parameters["port"].split(","), strict=True):
            self.tried.append((host, parameters["connect_timeout"]))
            if host in self.serving:
                return Connected(Info(host, int(port or 5432)))
        raise OperationalError("nobody serves")


def test_each_connection_begins_with_the_host_that_served_last() -> None:
    servers, order = Servers({"b"}), HostOrder()
    assert order.connect(servers.connect, PARAMETERS).info.host == "b"
    assert servers.tried == [("a", QUICK), ("b", 5)]
    servers.tried.clear()
    order.connect(servers.connect, PARAMETERS)
    assert servers.tried == [("b", QUICK)]
    servers.tried.clear()
    servers.serving = {"::1"}
    order.connect(servers.connect, PARAMETERS)
    assert servers.tried == [("b", QUICK), ("a", 5), ("::1", 5)]


def test_a_host_that_is_busy_has_its_full_time_after_the_others() -> None:
    servers, order = Servers(set()), HostOrder()
    with pytest.raises(OperationalError):
        order.connect(servers.connect, PARAMETERS)
    assert servers.tried == [("a", QUICK), ("b", 5), ("::1", 5), ("a", 5)]


def test_a_single_host_has_its_full_time() -> None:
    servers = Servers({"a"})
    HostOrder().connect(servers.connect, {**PARAMETERS, "host": "a", "port": "1"})
    assert servers.tried == [("a", 5)]
