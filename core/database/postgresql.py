"""Connections to PostgreSQL: URLs with several hosts, bounds on a host that vanishes, errors that mean "away"."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.engine import URL, make_url

LOST_SECONDS: Final = 4
"""The default of the setting `host_lost_seconds`."""
_CONNECTING: Final = 5
"""The fewest seconds that a host has to accept a connection: a busy server starts a process for it."""
_SEVERAL: Final = re.compile(
    r"(?P<scheme>postgresql(?:\+\w+)?://)(?P<user>[^/?#]*@)?(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<rest>.*)"
)
_HOST: Final = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<name>[\w.-]+))(?::(?P<port>[0-9]{1,5}))?")
"""A host of several. An IPv6 address has brackets."""
_READ_ONLY: Final = "-c default_transaction_read_only=on"
_AWAY: Final = ("08", "57P0", "25006", "25P03", "25P04")
"""Beginnings of SQLSTATEs: no connection; the server stops, starts or ended the session; a replica; a transaction of a
process that was stopped for too long."""
_UNSUPPORTED: Final = "0A000"


def parse_url(text: str) -> URL:
    """Return the URL of a database. libpq's form with several hosts, ``postgresql://a:5432,b:5432/name``, is read.

    Raises:
        sqlalchemy.exc.ArgumentError: The text is no URL.
        ValueError: A port is no number.
    """
    several = _SEVERAL.fullmatch(text)
    if several is None:
        return make_url(text)
    names, ports = [], []
    for host in several["hosts"].split(","):
        found = _HOST.fullmatch(host)
        if found is None:
            raise ValueError(f"{host} is no host")
        names.append(found["address"] or found["name"])
        ports.append(found["port"] or "")
    url = make_url(f"{several['scheme']}{several['user'] or ''}{several['rest']}")
    # Not as tokens HOST:PORT, which SQLAlchemy would split at the colons of an IPv6 address.
    return url.update_query_dict({"host": ",".join(names), "port": ",".join(ports)})


def connect_arguments(url: URL, lost_seconds: int, options: str, *, reads_only: bool = False) -> Mapping[str, Any]:
    """Return libpq's parameters of a connection. Those of the URL take precedence, and its `options` are kept.

    Args:
        url: The URL of the database.
        lost_seconds: Seconds after which a host is given up that confirms nothing.
        options: Options of the session, after those of the URL.
        reads_only: Let the session refuse to write. A writable server is then found by not being a replica, because
            libpq would take the session itself for a server that cannot write.
    """
    defaults: dict[str, Any] = {
        "connect_timeout": max(lost_seconds, _CONNECTING),
        "keepalives_idle": lost_seconds,
        "keepalives_interval": max(lost_seconds // 2, 1),
        "keepalives_count": 2,
        "tcp_user_timeout": lost_seconds * 1000,
    }
    defaults["target_session_attrs"] = "read-write" if len(_hosts_of(url)) > 1 else "any"
    chosen = {name: url.query.get(name, value) for name, value in defaults.items()}
    if reads_only:
        options += f" {_READ_ONLY}"
        if chosen["target_session_attrs"] == "read-write":
            chosen["target_session_attrs"] = "primary"
    return {**chosen, "options": " ".join([*_texts(url.query.get("options", ())), options])}


def _hosts_of(url: URL) -> Sequence[str]:
    return [host for text in _texts(url.query.get("host", ())) for host in text.split(",")]


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def is_away_state(error: object) -> bool:
    """Return whether an error of the driver says that the server is not there, or has become a replica.

    The connection is then of no use, even if it still answers.
    """
    state = getattr(error, "sqlstate", None) or ""
    if state == _UNSUPPORTED:
        return any(word in str(error) for word in ("recovery", "standby"))
    return state.startswith(_AWAY)
