"""The demonstration: licenses with a year of usage, imported as an operator would, and links that sign in."""

import os
from collections.abc import Mapping
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
from core.access.person import Person
from core.access.sessions import MOST_MINUTES
from core.administration.create_session import create_session
from core.administration.inputs import SessionInput
from core.errors import Unauthenticated
from core.licenses.tables import License, LicenseAdmin
from core.runtime import Runtime
from core.usage.files.import_progress import AlreadyImported
from core.workers.refresh_due import refresh_all_due

TEMPLATE: Final = Path(__file__).with_name("demo_licenses.yaml")
LICENSES: Final = [story.license for story in STORIES]
OPERATOR: Final = "operator"
_INTO_PERIOD: Final = timedelta(days=320)


def prepare_demo(runtime: Runtime, address: str) -> str | None:
    """Fill an empty database with the demonstration, and return a text that lists links to its pages.

    The links to licenses hold sessions of a day, as a back end makes them for people; each start makes new ones. The
    operator's link holds a key, since a session cannot operate. It is listed at the first start alone, so that logs of
    later starts hold no key. Files and keys are kept in ``demo`` beside the SQLite database. An interrupted preparation
    continues where it stopped.

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
        known = _known_tokens(session, tokens)
        keys = session.exec(select(License.key).limit(len(LICENSES) + 1)).all()
    if known:
        sign_in = f"/operator, where you sign in with the key '{OPERATOR}' of that file"
        return _list_pages(runtime, known, tokens, address, sign_in)
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
    made = _make_tokens(runtime, tokens)
    return _list_pages(runtime, made, tokens, address, f"/operator#token={made[OPERATOR]}")


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


def _known_tokens(session: Session, file: Path) -> dict[str, str] | None:
    """Return the tokens that an earlier start left, or None unless all are valid in this database."""
    try:
        tokens: dict[str, str] = orjson.loads(file.read_bytes())
        for token in tokens.values():
            authenticate(session, f"Bearer {token}")
    except (FileNotFoundError, orjson.JSONDecodeError, Unauthenticated):
        return None
    return tokens


def _list_pages(runtime: Runtime, tokens: Mapping[str, str], file: Path, address: str, operator_page: str) -> str:
    lines = [f"The demonstration. The links to licenses sign in by themselves for 24 hours; keys are kept in {file}."]
    with runtime.database.write() as session:
        for key in LICENSES:
            token = _make_session(session, key, tokens[key], runtime.settings.sessions_per_key)
            lines.append(f"  {key:<10}{address}/consumption#token={token}")
    return "\n".join([*lines, f"  {OPERATOR:<10}{address}{operator_page}"])


def _make_session(session: Session, license: str, token: str, most: int) -> str:
    """Return the token of a new session for the first admin of a license, made with the license's key."""
    of_license = select(LicenseAdmin).join(License).where(License.key == license).order_by(LicenseAdmin.email)
    admin = session.exec(of_license).first()
    person = Person(admin.email, admin.name, None, admin=True) if admin else None
    given = SessionInput(license, (Scope.CONSUMPTION_READ,), MOST_MINUTES, person)
    return create_session(session, given, authenticate(session, f"Bearer {token}"), most)[1]
