"""Forecasts of readings in the schema."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import strawberry

from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info
from core.consumption.view import ReadingView
from core.forecast.forecast import ForecastPoint as CurvePoint
from core.forecast.forecast import ForecastReason
from core.forecast.outlook import LEAST_HISTORY, Outlook
from core.forecast.reading_forecast import ReadingForecast, forecast_reading
from core.languages.words import Words

describe_enum(
    ForecastReason,
    "The reason why a forecast has no figures.",
    TOO_LITTLE_HISTORY=f"Less than {LEAST_HISTORY} days are known since the usage began.",
    NOTHING_TO_FORECAST="The meter has no usage: it was never measured, nothing was reported, or it shows a term.",
    PERIOD_OVER="The period of the reading is over. The next refresh measures the new one.",
    METER_FAILED="The last refresh of the reading failed.",
)
_DAY: Final = timedelta(days=1)
_THOUSANDTH: Final = Decimal("0.001")


@strawberry.type(description="A point of the curve of a forecast: the usage at an instant.")
class ForecastPoint:
    point: strawberry.Private[CurvePoint]

    @strawberry.field(description="The instant.")
    def at(self) -> datetime:
        return self.point.at

    @strawberry.field(description="The expected usage, in the meter's unit.")
    def expected(self) -> float:
        return self.point.expected

    @strawberry.field(description="The low end of the range that holds the usage 80 of 100 times.")
    def low(self) -> float:
        return self.point.low

    @strawberry.field(description="The high end of the range that holds the usage 80 of 100 times.")
    def high(self) -> float:
        return self.point.high


@strawberry.type(
    description="Where the usage of a reading is going, if its last eight weeks go on. All numbers are in the meter's "
    "unit; they are estimates, while readings are exact."
)
class Forecast:
    found: strawberry.Private[ReadingForecast]
    view: strawberry.Private[ReadingView]
    words: strawberry.Private[Words]

    @strawberry.field(
        description="The expected usage at the end of the period or quota window; for credits, what will be spent when "
        "the last grant expires, or when the billing period ends, if that is later. Null if there is a `reason`."
    )
    def expected(self) -> float | None:
        return None if self.found.forecast is None else self.found.forecast.end.expected

    @strawberry.field(
        description="The low end of the range that holds the usage at that time 80 of 100 times. Null if there is a "
        "`reason`."
    )
    def low(self) -> float | None:
        return None if self.found.forecast is None else self.found.forecast.end.low

    @strawberry.field(description="The high end of that range. Null if there is a `reason`.")
    def high(self) -> float | None:
        return None if self.found.forecast is None else self.found.forecast.end.high

    @strawberry.field(
        description="The expected instant at which the limit is exceeded; for credits, at which the last one is gone. "
        "Null if it may as well be never: the limit is not exceeded within the period at the low end of the range. "
        "Null as well if the limit is exceeded already."
    )
    def exceeds_at(self) -> datetime | None:
        return None if self.found.forecast is None else self.found.forecast.exceeding.at

    @strawberry.field(
        description="The earliest such instant, at the high end of the range. Null if the limit is not exceeded within "
        "the period even then."
    )
    def exceeds_earliest(self) -> datetime | None:
        return None if self.found.forecast is None else self.found.forecast.exceeding.earliest

    @strawberry.field(
        description="The latest such instant, at the low end of the range. Null if the limit is then not exceeded "
        "within the period."
    )
    def exceeds_latest(self) -> datetime | None:
        return None if self.found.forecast is None else self.found.forecast.exceeding.latest

    @strawberry.field(
        description="The curve from the reading to the end of the period, with at most 33 points. Empty if there is a "
        "`reason`."
    )
    def points(self) -> list[ForecastPoint]:
        return [] if self.found.forecast is None else [ForecastPoint(point=one) for one in self.found.forecast.points]

    @strawberry.field(
        description="In words: the days that the forecast is made from, and how well such forecasts did before; or why "
        "there is none."
    )
    def basis(self) -> str:
        found = self.found
        if found.reason is not None:
            return _reason_in_words(found.reason, self.words)
        return "" if found.outlook is None else _basis_in_words(found.outlook, self.view, self.words)

    @strawberry.field(description="The reason why there are no figures. Null if there are.")
    def reason(self) -> ForecastReason | None:
        return self.found.reason

    @strawberry.field(
        description="The time at which the history was looked at last: on the first refresh of a day, and whenever the "
        "past, the contract or a grant changed."
    )
    def computed_at(self) -> datetime:
        return self.found.computed_at


def current_forecast(info: Info, view: ReadingView) -> Forecast | None:
    """Return the forecast of a current reading; None for a reading of a past day."""
    if view.day is not None:
        return None
    context = info.context
    found = forecast_reading(view, context.outlook(view.license, view.meter.key), context.now)
    if found.valid_until is not None:
        context.expires_at = min(context.expires_at, found.valid_until)
    return Forecast(found=found, view=view, words=context.words)


def _reason_in_words(reason: ForecastReason, words: Words) -> str:
    if reason is ForecastReason.TOO_LITTLE_HISTORY:
        return words.sentence("There is a forecast once %(days)s days with usage are known.", days=LEAST_HISTORY)
    if reason is ForecastReason.PERIOD_OVER:
        return words.sentence("The period is over.")
    if reason is ForecastReason.METER_FAILED:
        return words.sentence("The last refresh failed.")
    return words.sentence("There is no usage to forecast.")


def _basis_in_words(outlook: Outlook, view: ReadingView, words: Words) -> str:
    basis = words.sentence(
        "Made from the usage of %(first)s to %(last)s.",
        first=words.day(outlook.since),
        last=words.day(outlook.day - _DAY),
    )
    if outlook.accuracy is None:
        return f"{basis} {words.sentence('Such forecasts could not be tested on the past yet.')}"
    days, tests, miss, is_part = outlook.accuracy
    amount = Decimal(str(miss)).quantize(_THOUSANDTH)
    tested = words.sentence(
        "%(tests)s earlier forecasts over %(days)s days were off by %(miss)s on average.",
        tests=tests,
        days=days,
        miss=words.part(amount) if is_part else words.amount(amount, view.meter.unit_forms),
    )
    return f"{basis} {tested}"
