"""The demonstration: licenses with a year of usage, imported as an operator would, and tokens to read them."""

import os
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Final

import orjson
import typer
from dateutil.relativedelta import relativedelta
from sqlmodel import Session, select

from cli.demo_events import DAYS, STORIES, make_events
from cli.events import import_event_file
from cli.licenses import import_license_file
from cli.progress import progress
from core.access.authenticate import authenticate
from core.access.keys import Scope, create_key
from core.errors import Unauthenticated
from core.licenses.tables import License
from core.runtime import Runtime
from core.usage.files.import_progress import AlreadyImported
from core.workers.refresh_due import refresh_all_due

TEMPLATE: Final = Path(__file__).with_name("demo_licenses.yaml")
LICENSES: Final = [story.license for story in STORIES]
OPERATOR: Final = "operator"
_INTO_PERIOD: Final = timedelta(days=320)


def prepare_demo(runtime: Runtime, address: str) -> str | None:
    """Fill an empty database with the demonstration, and return a text that lists its pages, each of which signs in.

    The links are listed once, so that logs of later starts hold no tokens. Files and tokens are kept in ``demo`` beside
    the SQLite database. An interrupted preparation continues where it stopped.

    Args:
        runtime: The parts of the process.
        address: The address of the server, for the links.

    Returns:
        The text; None if the database has licenses of its own, and was not changed.
    """
    url = runtime.database.url
    folder = (Path(url.database or "").parent if runtime.database.is_sqlite else Path("data")) / "demo"
    licenses, events, tokens = folder / "licenses.yaml", folder / "events.ndjson", folder / "tokens.json"
    with runtime.database.read() as session:
        if _known_tokens(session, tokens):
            return (
                f"The demonstration. Its links were printed at its first start. The tokens are kept in {tokens}: open\n"
                f"  {address}/consumption#token=TOKEN"
            )
        keys = session.exec(select(License.key).limit(len(LICENSES) + 1)).all()
    if keys and not (set(keys) <= set(LICENSES) and events.exists()):
        typer.echo("The database holds licenses already: no demonstration is added.", err=True)
        return None
    if not keys:
        folder.mkdir(parents=True, exist_ok=True)
        _write_files(licenses, events, datetime.now(UTC).date())
    import_license_file(runtime, licenses)
    with suppress(AlreadyImported):
        import_event_file(runtime, events, backfill=True)
    with progress("Measuring a year of history"):
        refresh_all_due(runtime)
    return _list_pages(_make_tokens(runtime, tokens), tokens, address)


def _write_files(licenses: Path, events: Path, today: date) -> None:
    period_start = today - _INTO_PERIOD
    dates = {
        "anchor": period_start - relativedelta(years=1),
        "year_ago": today - timedelta(days=DAYS),
        "half_year_ago": today - timedelta(days=DAYS // 2),
        "in_a_month": today + timedelta(days=30),
        "in_a_year": today + timedelta(days=DAYS),
    }
    licenses.write_text(Template(TEMPLATE.read_text("utf-8")).substitute(dates), "utf-8")
    with events.open("wb") as file:
        file.writelines(orjson.dumps(event) + b"\n" for event in make_events(today, period_start))


def _make_tokens(runtime: Runtime, file: Path) -> dict[str, str]:
    now = datetime.now(UTC)
    with runtime.database.write() as session:
        of_license = [Scope.CONSUMPTION_READ, Scope.USAGE_WRITE]
        tokens = {key: create_key(session, f"demo {key}", of_license, key, now)[1] for key in LICENSES}
        tokens[OPERATOR] = create_key(session, f"demo {OPERATOR}", list(Scope), None, now)[1]
    partial = file.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(orjson.dumps(tokens, option=orjson.OPT_INDENT_2))
    partial.rename(file)
    return tokens


def _known_tokens(session: Session, file: Path) -> bool:
    """Return whether an earlier start left tokens that are valid in this database."""
    try:
        tokens: dict[str, str] = orjson.loads(file.read_bytes())
        for token in tokens.values():
            authenticate(session, f"Bearer {token}")
    except (FileNotFoundError, orjson.JSONDecodeError, Unauthenticated):
        return False
    return True


def _list_pages(tokens: dict[str, str], file: Path, address: str) -> str:
    lines = [f"The demonstration. Each link signs in by itself, and is printed once; the tokens are kept in {file}:"]
    for name, token in tokens.items():
        page = "operator" if name == OPERATOR else "consumption"
        lines.append(f"  {name:<10}{address}/{page}#token={token}")
    return "\n".join(lines)
