"""The order in which several hosts of PostgreSQL are tried: the one that served last comes first.

libpq tries the hosts of a URL in their order for each connection, so each would wait for a first host that vanished.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg import OperationalError

QUICK: Final = 2
"""Seconds after which the others are tried before the host that served last: the fewest that libpq waits."""


class _Host(NamedTuple):
    """A host of libpq's parameters. The port is empty for the default."""

    name: str
    port: str


class HostOrder:
    """The host that served last, for all connections of a process."""

    def __init__(self) -> None:
        """Begin with the order of the URL."""
        self._last: _Host | None = None

    def connect(self, connect: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
        """Return a connection to the first host that serves.

        Args:
            connect: Makes a connection of psycopg with libpq's parameters.
            parameters: The parameters. With several hosts, `host` and `port` are lists with commas.
        """
        hosts = _hosts_of(parameters)
        if len(hosts) == 1:
            return connect(**parameters)
        first = self._last or hosts[0]
        try:
            connection = connect(**{**_with_hosts(parameters, [first]), "connect_timeout": QUICK})
        except OperationalError:
            others = [host for host in hosts if host != first]
            connection = connect(**_with_hosts(parameters, [*others, first]))
        info = connection.info
        serving = (host for host in hosts if host.name == info.host and host.port in ("", str(info.port)))
        self._last = next(serving, None)
        return connection


def _hosts_of(parameters: Mapping[str, Any]) -> list[_Host]:
    names = str(parameters.get("host", "")).split(",")
    ports = str(parameters.get("port", "")).split(",")
    if len(ports) == 1:
        ports *= len(names)  # one port for all
    return [_Host(name, port) for name, port in zip(names, ports, strict=True)]


def _with_hosts(parameters: Mapping[str, Any], hosts: Sequence[_Host]) -> dict[str, Any]:
    names, ports = (",".join(each) for each in zip(*hosts, strict=True))
    return {**parameters, "host": names, "port": ports}
