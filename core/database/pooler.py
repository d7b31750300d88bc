"""Poolers between this program and PostgreSQL, such as PgBouncer: a session of the client is not one of the server.

A pooler refuses or drops `options`, so the role has the settings of each session. Prepared statements of a client would
meet those of another, so none are made where each transaction has another session of the server.
"""

import shlex
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import OperationalError

from core.errors import BadSetting

PARAMETER: Final = "pooler"
"""The parameter of the URL that names the pooler."""
_POOLER: Final = "pgbouncer"
_REFUSED: Final = "unsupported startup parameter"
_UNNAMED: Final = (
    "ALLOWANCE_DATABASE_URL: there is a pooler between this program and PostgreSQL. Append "
    "?pooler=pgbouncer to the URL, or &pooler=pgbouncer after other parameters, and start again."
)


def is_pooled(url: URL) -> bool:
    """Return whether a URL names a pooler.

    Raises:
        ValueError: It names one that was not tried.
    """
    pooler = url.query.get(PARAMETER)
    if pooler not in (None, _POOLER):
        raise ValueError(f"{PARAMETER} is {pooler}, and may be {_POOLER}")
    return pooler is not None


def pooled_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of a connection that a pooler takes, from those of a connection without one."""
    taken = {name: value for name, value in arguments.items() if name != "options"}
    return {**taken, "prepare_threshold": None}


def settings_of(options: str) -> dict[str, str]:
    """Return the settings in libpq's `options`, by name.

    Raises:
        ValueError: There is something else in them.
    """
    settings: dict[str, str] = {}
    words = iter(shlex.split(options))
    for word in words:
        text = next(words, "") if word == "-c" else word.removeprefix("--" if word.startswith("--") else "-c")
        name, equals, value = text.partition("=")
        if not equals or text == word:
            raise ValueError(f"{word} in options is no setting")
        settings[name] = value
    return settings


def require_fitting(engine: Engine, settings: Mapping[str, str] | None) -> None:
    """Require that a pooler is named, and that the sessions behind it have their settings.

    Args:
        engine: An engine of the database.
        settings: The settings of each session by name, or None if the URL names no pooler.

    Raises:
        BadSetting: It is not so. The message states what to do.
    """
    try:
        with engine.connect() as connection:
            if settings is None:
                driver: Any = connection.connection.driver_connection
                served_by = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
                if served_by != driver.info.backend_pid:
                    raise BadSetting(_UNNAMED)
                return
            statement = "SELECT name, setting, current_user::text FROM pg_settings WHERE lower(name) = ANY (%s)"
            names = [name.lower() for name in settings]
            found = {row[0].lower(): (row[1], row[2]) for row in connection.exec_driver_sql(statement, (names,))}
    except OperationalError as error:
        if _REFUSED in str(error.orig):
            raise BadSetting(_UNNAMED) from None
        raise
    missing = [
        f'ALTER ROLE "{found[name.lower()][1]}" SET {name} = {wanted if "," in wanted else repr(wanted)};'
        for name, wanted in settings.items()
        if name.lower() in found and found[name.lower()][0].replace(", ", ",") != wanted
    ]
    if missing:
        raise BadSetting(
            "ALLOWANCE_DATABASE_URL: the sessions behind the pooler lack settings. Execute on PostgreSQL, and then "
            f"RECONNECT on the console of PgBouncer: {' '.join(missing)}"
        )
