"""``python -m tests.bench [NAME…]``: run benchmarks and print what they found."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Annotated, Final

import typer
from rich.console import Console

from tests.bench import (
    check_in_admission,
    check_in_http,
    deliveries,
    exports,
    fairness,
    flatness,
    following,
    forecast,
    history_size,
    ingest_batches,
    ingest_single,
    look_ahead,
    memory_over_time,
    read_overview,
    refresh,
    refusals,
)
from tests.bench.findings import Found, NotRun, Remark, Scale

BENCHMARKS: Final[dict[str, Callable[[Scale], Iterator[Found]]]] = {
    "ingest_batches_postgresql": ingest_batches.on_postgresql,
    "ingest_batches_sqlite": ingest_batches.on_sqlite,
    "ingest_single": ingest_single.run,
    "refresh_postgresql": refresh.run,
    "flatness": flatness.run,
    "read_overview": read_overview.run,
    "fairness": fairness.run,
    "following": following.run,
    "graphql_refusals": refusals.run,
    "history_size": history_size.run,
    "forecast": forecast.run,
    "look_ahead": look_ahead.run,
    "exports": exports.run,
    "deliveries": deliveries.run,
    "memory_over_time": memory_over_time.run,
    "check_in_http": check_in_http.run,
    "check_in_new": check_in_admission.run,
    "check_in_size": check_in_admission.size,
}


def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Those to run; all by default.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less of everything: all in a few minutes.")] = False,
    full: Annotated[bool, typer.Option("--full", help="As many licenses and events as there may be.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Only name the benchmarks.")] = False,
) -> None:
    """Measure Allowance against yardsticks.

    A ratio is the median of those of several rounds; behind it stand the least and the greatest. Each round
    measures the yardstick and ours once. Trust the ratios: the figures are those of this machine.
    """
    console = Console()
    if unknown := set(names or ()) - BENCHMARKS.keys():
        raise typer.BadParameter(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if quick and full:
        raise typer.BadParameter("give either --quick or --full.")
    if show:
        for name, run in BENCHMARKS.items():
            console.print(f"{name}: {(run.__doc__ or '').splitlines()[0]}", soft_wrap=True)
        return
    scale = Scale.QUICK if quick else Scale.FULL if full else Scale.NORMAL
    for name in names or BENCHMARKS:
        _run(console, name, scale)


def _run(console: Console, name: str, scale: Scale) -> None:
    began = monotonic()
    try:
        found = list(BENCHMARKS[name](scale))
    except NotRun as reason:
        console.print(f"[bold]{name}[/bold]: not run: {reason}", soft_wrap=True)
        return
    console.print(f"[bold]{name}[/bold] ({scale}, {monotonic() - began:.0f} s)", soft_wrap=True)
    for one in found:
        console.print("\n".join(_lines(one)), soft_wrap=True, highlight=False)
    console.print()


def _lines(found: Found) -> Iterator[str]:
    if isinstance(found, Remark):
        yield f"  {found.text}"
        return
    ours, theirs = (f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}" for figure in found.figures)
    aim = f", aim {found.aim}" if found.aim else ""
    yield f"  [bold]{found.ratio:.3g}[/bold] ({min(found.ratios):.3g} to {max(found.ratios):.3g}{aim})"
    yield f"        {found.ours}: {ours} {found.unit}"
    yield f"        {found.yardstick}: {theirs} {found.unit}"


if __name__ == "__main__":
    typer.run(main)
