"""``allowance usage``: the usage of a license over time, by entity and dimension."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from allowance.license import midnight

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Json, print_json, show_table, text_of
from core.consumption.intervals import Interval
from core.explaining.explore import ExploredUsage, explore_usage
from core.explaining.usage_query import UsageQuestion, check_question
from core.licenses.load import load_licenses
from core.runtime import open_runtime
from core.times import parse_day

_BARS: Final = "▁▂▃▄▅▆▇█"
_MOST_BARS: Final = 60


class Every(StrEnum):
    """The interval of the points."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def usage(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    meter: Annotated[str | None, typer.Option(metavar="METER", help="The meter that reads the usage.")] = None,
    event: Annotated[str | None, typer.Option(metavar="TYPE", help="The event type, as interaction.sent.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="The first day. [start of the billing period]")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="DAY", help="The day after the last day. [tomorrow]")] = None,
    every: Annotated[Every, typer.Option(help="The interval of the points.")] = Every.DAY,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="DIMENSION", help="Group by this dimension or by entity; repeat for several."),
    ] = None,
    top: Annotated[int, typer.Option(help="Groups to show one by one; all others are the rest.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the usage of a license over time, by entity and dimension.

    Each line is a group of usage with its total, and bars for its newest intervals. Counters are summed up; of levels
    the value at the end of each interval counts. Days are those of the license's time zone.

    \b
    Examples:
      allowance usage acme --meter interactions --by channel
      allowance usage acme --meter profiles --by entity --every month --from 2026-01-01
      allowance usage acme --event sms.sent --json
    """
    now = datetime.now(UTC)
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        [license_id] = license_ids(session, [license]).values()
        loaded = load_licenses(session, [license_id], now)[license_id]
        zone = loaded.license.time_zone
        begin, end = (day and midnight(parse_day(day, name), zone) for day, name in ((from_, "--from:"), (to, "--to:")))
        question = UsageQuestion(meter, event, begin or None, end or None, Interval(every.upper()), by or (), None, top)
        most = runtime.settings.max_usage_points
        found = explore_usage(session, check_question(session, question, loaded, runtime.registry, now, most))
    if as_json:
        print_json(_plain(found))
        return
    rows = [(" · ".join(group.label) or "all", group.total, group.amounts) for group in found.groups]
    if found.rest:
        rows.append(("the rest", found.rest, found.rest_amounts))
    lines = [(name or "not specified", text_of(total), _bars(amounts)) for name, total, amounts in rows]
    days = found.query.days
    show_table([" · ".join(found.query.group_by) or found.query.event.name, "Usage", f"By {every}"], lines)
    typer.echo(f"{text_of(found.total)} in all from {days.first} to {days.last}.")


def _bars(amounts: Sequence[Decimal | None]) -> str:
    """Return a bar for each of the newest amounts, as high as its part of the highest one."""
    newest = [amount if amount is None else max(amount, Decimal(0)) for amount in amounts[-_MOST_BARS:]]
    highest = max((amount for amount in newest if amount), default=Decimal(1))
    return "".join(" " if amount is None else _BARS[int(amount / highest * (len(_BARS) - 1))] for amount in newest)


def _plain(found: ExploredUsage) -> dict[str, Any]:
    """Return the answer in the words of the GraphQL API."""
    return {
        "event": found.query.event.name,
        "kind": found.query.event.kind,
        "start": found.period.starts_at,
        "end": found.period.ends_at,
        "total": found.total,
        "series": [
            {
                "key": dict(zip(found.query.group_by, group.key, strict=True)),
                "label": " · ".join(group.label),
                "total": group.total,
                "points": _points(found, group.amounts),
            }
            for group in found.groups
        ],
        "rest": found.rest,
        "restPoints": _points(found, found.rest_amounts),
    }


def _points(found: ExploredUsage, amounts: Iterable[Decimal | None]) -> list[dict[str, Any]]:
    return [
        {"start": begin, "end": end, "amount": amount}
        for (begin, end), amount in zip(found.instants, amounts, strict=True)
        if amount is not None
    ]
