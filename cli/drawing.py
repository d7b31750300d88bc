"""The drawing of a consumption: bars with thresholds, statuses by sign, word and colour, and the latest update."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Unit
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.statuses import STYLES, WORDS, is_unicode, percent, sign_of
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.state import ReadingState
from core.consumption.readings.status import UsageStatus
from core.consumption.view import ConsumptionView, Freshness, ReadingView, SectionView
from core.languages.negotiation import ENGLISH_ALONE
from core.languages.words import words_in

NARROW: Final = 72
"""Below this width a reading takes two lines: its name and status, then its bar and figures."""
_BAR: Final = 24
_NARROW_BAR: Final = 12
_TITLE: Final = 26
_ENGLISH: Final = words_in(ENGLISH_ALONE)
DAY: Final = timedelta(days=1)
_SHOWN: Final = frozenset(ReadingState) - {ReadingState.NOT_IN_CONTRACT}


def draw(view: ConsumptionView, width: int) -> RenderableType:
    """Return the drawing of a consumption for a terminal of so many columns."""
    license = view.license
    title = Text.assemble((license.license.name, "bold"), f" ({license.license.key})  ", _status(view.status))
    parts: list[RenderableType] = [title]
    if license.suspension:
        parts.append(Text(f"Suspended: {license.suspension.reason}", "red"))
    if view.problem:
        parts.append(Text(view.problem.message))
    else:
        period = license.period_on(license.today)
        parts.append(Text(f"Billing period: {period.first} to {period.end - DAY} ({license.license.time_zone})"))
    zone = ZoneInfo(license.license.time_zone)
    parts.append(Text(_updated(view.updated_at, view.freshness, zone)))
    for section in view.sections:
        parts += ["", *_section(section, width, zone)]
    return Group(*parts)


def _section(section: SectionView, width: int, zone: ZoneInfo) -> Iterable[RenderableType]:
    heading = Text.assemble((section.section.title, "bold"), "  ", _status(section.status))
    yield heading
    yield Text(f"  {_updated(section.updated_at, section.freshness, zone)}", "dim")
    shown = [view for view in section.readings if view.reading.state in _SHOWN]
    left_out = len(section.readings) - len(shown)
    if width < NARROW:
        for view in shown:
            yield from _two_lines(view, width)
    elif shown:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=_TITLE, overflow="fold")
        table.add_column(no_wrap=True)
        table.add_column(width=_BAR, no_wrap=True)
        table.add_column(overflow="fold")
        for view in shown:
            table.add_row(
                Text(view.meter.title), _status(view.reading.status), draw_bar(view.reading, _BAR), _figures(view)
            )
        yield Padding(table, (0, 0, 0, 2))
    if left_out:
        yield Text(f"  Not in the contract: {left_out}", "dim")


def _two_lines(view: ReadingView, width: int) -> Iterable[RenderableType]:
    yield Padding(Text.assemble(view.meter.title, "  ", _status(view.reading.status)), (0, 0, 0, 2))
    bar = draw_bar(view.reading, min(_NARROW_BAR, max(4, width - 8)))
    figures = _figures(view)
    yield Padding(Text.assemble(bar, " ", figures) if bar.plain else figures, (0, 0, 0, 4))


def _status(status: UsageStatus) -> Text:
    return Text(f"{sign_of(status)} {WORDS[status]}", STYLES[status])


def draw_bar(reading: JudgedReading, width: int) -> Text:
    """Return the bar of a reading: usage within the limit, beyond it, and the thresholds as marks.

    The whole bar is the limit, or the usage if that is larger. It is empty without usage or limit.
    """
    used, limit = reading.used, reading.limit
    if used is None or limit is None or max(used, limit) <= 0:
        return Text()
    whole = max(used, limit)
    full, beyond, rest, mark = "█▒·│" if is_unicode() else "#=.|"

    def cell(value: Decimal) -> int:
        return min(width, int(value * width / whole))

    # Usage above 0 fills a cell, and only usage of the whole fills all.
    filled = max(cell(max(used, Decimal(0))), 1 if used > 0 else 0)
    edge = cell(limit)
    bar = Text()
    bar.append(full * min(filled, edge), STYLES[reading.status])
    bar.append(beyond * max(0, filled - edge), STYLES[reading.status])
    bar.append(rest * (width - max(filled, min(filled, edge))), "dim")
    marked = list(bar.plain)
    for threshold in reading.thresholds:
        at = cell(threshold.value)
        if 0 < threshold.value < whole and at < width:
            marked[at] = mark
    drawn = Text("".join(marked))
    for span in bar.spans:
        drawn.stylize(span.style, span.start, span.end)
    return drawn


def _figures(view: ReadingView) -> Text:
    """Return the figures of a reading in words: usage, limit and utilization, and whether the reading is stale."""
    reading, unit = view.reading, view.meter.unit_forms
    used, limit = reading.used, reading.limit
    match reading.state:
        case ReadingState.NEVER_MEASURED:
            words = "not measured yet"
        case ReadingState.TERM_ONLY:
            words = f"{_amount(limit, unit)}, set by the contract"
        case _ if used is None:
            words = "nothing reported yet" if limit is None else f"nothing reported yet, of {_amount(limit, unit)}"
        case ReadingState.UNLIMITED:
            words = f"{_amount(used, unit)}, no limit"
        case _ if limit is None:
            words = _amount(used, unit)
        case _:
            part = f", {percent(used / limit)}" if limit else ""
            words = f"{_ENGLISH.number(used, unit)} of {_amount(limit, unit)}{part}"
            if reading.refused:
                words += f", {_ENGLISH.number(reading.refused)} refused"
    text = Text(words)
    if view.freshness is Freshness.STALE:
        problem = reading.problem
        text.append(f" (stale: {problem.message})" if problem else " (stale: the refresh is overdue)", "yellow")
    return text


def _amount(value: Decimal | None, unit: Unit) -> str:
    return "–" if value is None else _ENGLISH.amount(value, unit)


def _updated(time: datetime | None, freshness: Freshness, zone: ZoneInfo) -> str:
    if time is None:
        return "Not updated yet"
    local = time.astimezone(zone)
    stale = ", stale" if freshness is Freshness.STALE else ""
    return f"Latest update: {local:%Y-%m-%d %H:%M} {local.tzname()}{stale}"
