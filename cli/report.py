"""``allowance report``: what a contract committed and what was used of it, also under other terms."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

import typer

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, print_json, show_list, text_of
from core.errors import BadInput
from core.languages.negotiation import ENGLISH_ALONE
from core.languages.words import Words, words_in
from core.licenses.load import load_licenses
from core.report.contract_report import ContractReport, MeterReport
from core.report.days import report_days
from core.report.load_report import ReportDays, load_reports
from core.report.other_terms import check_terms
from core.report.outcome_words import outcome_in_words
from core.report.suggestion_words import suggestion_in_words
from core.runtime import Runtime, open_runtime
from core.text import shown
from core.times import parse_day

_COLUMNS: Final = (
    Column("meter", "Meter"),
    Column("contractVersion", "Version"),
    Column("committed", "Committed"),
    Column("usedAtEnd", "Used at end"),
    Column("peak", "Peak"),
    Column("peakOn", "On"),
    Column("outcome", "Outcome"),
    Column("overage", "Overage"),
    Column("refused", "Refused"),
    Column("suggestedLimit", "Suggested"),
)


def report(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="The first day. [start of the billing period]")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="DAY", help="The last day. [today]")] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="TERM=VALUE,…",
            help="Terms to compare with those of the contract; repeat for several alternatives.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Report what a contract committed and what was used of it, also under other terms.

    Each meter is reported once for each version of the contract. The outcome counts the days that ended at risk or
    exceeded. A suggested limit is the highest demand of what is over, with a headroom (ALLOWANCE_REPORT_HEADROOM),
    rounded up. --with shows what would have been under other terms.

    \b
    Examples:
      allowance report acme
      allowance report acme --from 2026-01-01 --to 2026-06-30
      allowance report acme --with profiles=250000 --with profiles=300000,users=20
      allowance report acme --json | jq .report
    """
    days = tuple(text and parse_day(text, option) for text, option in ((from_, "--from:"), (to, "--to:")))
    with open_runtime(start()) as runtime:
        terms = [_read_terms(text, runtime) for text in with_ or ()]
        contract, *others = _load(runtime, license, days[0] or None, days[1] or None, [{}, *terms])
    if as_json:
        alternatives = [
            {"terms": given, "meters": list(map(_plain, other.meters))}
            for given, other in zip(terms, others, strict=True)
        ]
        report = {"from": contract.first, "to": contract.last, "meters": list(map(_plain, contract.meters))}
        print_json({"report": report, "alternatives": alternatives})
        return
    words = words_in(ENGLISH_ALONE)
    typer.echo(f"{license}: {contract.first} to {contract.last}")
    show_list(_COLUMNS, [_row(one, words) for one in contract.meters], as_json=False)
    for given, other in zip(terms, others, strict=True):
        typer.echo("\n".join([_named(given), *_changes(given, contract, other, words)]))


def _load(
    runtime: Runtime, key: str, first: date | None, last: date | None, terms: Sequence[Mapping[str, Decimal]]
) -> list[ContractReport]:
    """Return the report under each of several terms."""
    now, headroom = datetime.now(UTC), runtime.settings.report_headroom
    with runtime.database.read() as session:
        [license_id] = license_ids(session, [key]).values()
        loaded = load_licenses(session, [license_id], now)[license_id]
        asked = [ReportDays(loaded, *report_days(loaded, first, last))]
        return [load_reports(session, asked, runtime.registry, now, headroom, given)[license_id] for given in terms]


def _read_terms(text: str, runtime: Runtime) -> Mapping[str, Decimal]:
    stated: list[tuple[str, Decimal]] = []
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            stated.append((name.strip(), Decimal(value.strip().replace("_", ""))))
        except InvalidOperation:
            raise BadInput(f"--with: {shown(part)} is not a term with its value. Write profiles=250000.") from None
    return check_terms(stated, runtime.registry.meters.values())


def _row(one: MeterReport, words: Words) -> tuple[object, ...]:
    peak = one.peak
    return (
        one.meter.key,
        one.contract_version,
        one.committed,
        one.used_at_end,
        peak and peak.demand,
        peak and peak.day,
        outcome_in_words(one.days_by_status, words),
        one.overage or None,
        one.refused or None,
        one.suggestion and one.suggestion.limit,
    )


def _named(terms: Mapping[str, Decimal]) -> str:
    return "With " + ", ".join(f"{name} {value:,f}" for name, value in terms.items()) + ":"


def _changes(terms: Mapping[str, Decimal], contract: ContractReport, other: ContractReport, words: Words) -> list[str]:
    """Return a line for each meter whose limit follows from the terms: what would have been, and what was."""
    before = {(one.meter.key, one.contract_version): one.days_by_status for one in contract.meters}
    lines: list[str] = []
    for one in other.meters:
        if terms.keys().isdisjoint(one.meter.limit_terms):
            continue
        days = before.get((one.meter.key, one.contract_version))
        lines.append(
            f"  {one.meter.title} (version {one.contract_version}), limit {text_of(one.committed)}: "
            f"{outcome_in_words(one.days_by_status, words)}; "
            f"as it is: {outcome_in_words(days, words) if days else 'no limit'}"
        )
    return lines


def _plain(one: MeterReport) -> dict[str, Any]:
    """Return the report on a meter in the words of the GraphQL API."""
    words, peak, suggestion = words_in(ENGLISH_ALONE), one.peak, one.suggestion
    return {
        "meter": one.meter.key,
        "contractVersion": one.contract_version,
        "committed": one.committed,
        "usedAtEnd": one.used_at_end,
        "peak": peak and peak.demand,
        "peakOn": peak and peak.day,
        "days": {status.value: days for status, days in one.days_by_status.items()},
        "firstCrossing": one.first_crossing,
        "overage": one.overage,
        "refused": one.refused if one.is_hard else None,
        "suggestedLimit": suggestion and suggestion.limit,
        "suggestedBecause": suggestion and suggestion_in_words(suggestion, one.meter, words),
    }
