"""``allowance explain``: why a reading of a license is what it is."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from cli.setup import start
from cli.tables import Json, print_json, show_table, text_of
from core.consumption.current import load_current
from core.consumption.current_readings import current_readings
from core.consumption.view import view_consumption
from core.errors import NotFound
from core.explaining.explanation import ReadingExplanation, explain_reading
from core.explaining.parts import FigurePart, PartReason
from core.licenses.find import no_license
from core.nearest import did_you_mean
from core.runtime import open_runtime
from core.text import shown

_WORDS: Final = {
    PartReason.OTHER_USAGE: "all other usage",
    PartReason.SINCE_REFRESH: "counted since the refresh",
    PartReason.BELOW_ZERO: "corrections below zero",
    PartReason.EXPIRED_GRANTS: "paid by expired grants",
    PartReason.ROUNDING: "rounding",
    PartReason.OWN_MEASURE: "measured by the plugin",
}
_COLUMNS: Final = ("Day", "Amount", "Entity and dimensions", "Events", "Newest event", "Time", "Counted at")


def explain(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    meter: Annotated[str, typer.Argument(metavar="METER", help="The key of the meter.")],
    parts: Annotated[int, typer.Option(min=1, max=1000, help="Parts to show; all others are one.")] = 20,
    as_json: Json = False,
) -> None:
    """Explain a number: the usage, the events and the contract behind a reading.

    Each line is the usage of a day and series, with the newest event behind it. The amounts add up to the reading of
    the last refresh; usage that was counted since is taken away again on a line of its own.

    \b
    Examples:
      allowance explain acme interactions
      allowance explain acme sms_credits --parts 100 --json
    """
    now = datetime.now(UTC)
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        known = runtime.registry.meters
        if meter not in known:
            raise NotFound(f"No meter {shown(meter)}.{did_you_mean(meter, known)}")
        current = load_current(runtime.database, license, now)
        if current is None:
            raise no_license(session, license)
        readings = current_readings(current, runtime.registry, now)
        view = view_consumption(current.license, readings, current.version, runtime.registry, now)
        [reading] = [one for section in view.sections for one in section.readings if one.meter.key == meter]
        found = explain_reading(session, reading, runtime.registry, now, parts)
    if found is None:
        raise NotFound(f"{meter} of {license} was never measured.")
    used = reading.reading.used
    if as_json:
        print_json({"used": used, **_plain(found)})
        return
    if found.parts:
        show_table(_COLUMNS, map(_row, found.parts))
    typer.echo(
        "No usage." if used is None else f"{text_of(used)} in all, at {text_of(reading.reading.measured_at)} UTC."
    )
    if found.divisor is not None:
        typer.echo(f"Each part was divided by {text_of(found.divisor.total)}.")
    if found.limit is not None:
        typer.echo(
            f"The limit {text_of(reading.reading.limit)} is {found.limit.formula}, by version {found.limit.version} "
            f"of the contract, from {found.limit.effective_from} on."
        )
    typer.echo(f"{found.duplicates} duplicates were recognized, and {found.late} events were counted after their day.")


def _row(part: FigurePart) -> tuple[str, ...]:
    event = part.last_event
    series = [part.entity or "", *(part.dimensions or {}).values()]
    what = _WORDS.get(part.reason) or " · ".join(filter(None, series))
    newest = (
        (f"{event.id} of {event.source}", text_of(event.time), text_of(event.counted_at)) if event else ("", "", "")
    )
    return text_of(part.day), text_of(part.amount), what, text_of(part.events), *newest


def _plain(found: ReadingExplanation) -> dict[str, Any]:
    """Return the explanation in the words of the GraphQL API."""
    limit = found.limit
    return {
        "limit": limit
        and {
            "contractVersion": limit.version,
            "effectiveFrom": limit.effective_from,
            "formula": limit.formula,
            "terms": [{"key": key, "value": value} for key, value in limit.terms.items()],
        },
        "parts": list(map(_plain_part, found.parts)),
        "divisor": found.divisor
        and {"amount": found.divisor.total, "parts": list(map(_plain_part, found.divisor.parts))},
        "duplicates": found.duplicates,
        "late": found.late,
        "ledgerSince": found.ledger_since,
    }


def _plain_part(part: FigurePart) -> dict[str, Any]:
    event = part.last_event
    return {
        "reason": part.reason,
        "day": part.day,
        "entity": part.entity,
        "dimensions": None if part.dimensions is None else dict(part.dimensions),
        "amount": part.amount,
        "events": part.events,
        "lastEvent": event
        and {"source": event.source, "id": event.id, "time": event.time, "countedAt": event.counted_at},
    }
