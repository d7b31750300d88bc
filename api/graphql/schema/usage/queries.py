"""The query of the usage explorer."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from api.graphql.license_batch import readable_batch
from api.graphql.schema.common.arguments import OwnLicense
from api.graphql.schema.common.interval import Interval
from api.graphql.schema.common.node import Info
from api.graphql.schema.usage.series import UsageSeriesSet
from core.explaining.explore import explore_usage
from core.explaining.usage_query import UsageQuestion, check_question


@strawberry.field(
    description="Return usage over time, in series by the values of dimensions. Name either `meter` or `event`. All "
    "days with a part between `from` and `to` count, in the time zone of the license. Sums agree with readings: the "
    "series of a billing period add up to `used`."
)
def usage(
    info: Info,
    license: OwnLicense = None,
    meter: Annotated[
        str | None,
        strawberry.argument(description="The key of a meter that reads one type of usage events."),
    ] = None,
    event: Annotated[
        str | None, strawberry.argument(description="The type of usage events, for example `interaction.sent`.")
    ] = None,
    from_: Annotated[
        datetime | None,
        strawberry.argument(
            name="from",
            description="The start. The default is the start of the billing period that holds the end.",
        ),
    ] = None,
    to: Annotated[datetime | None, strawberry.argument(description="The end. The default is now.")] = None,
    interval: Annotated[
        Interval | None,
        strawberry.argument(description="The interval of the points: DAY, WEEK or MONTH. Usage is counted by day."),
    ] = Interval.DAY,
    group_by: Annotated[
        list[str] | None,
        strawberry.argument(
            description="The dimensions by which usage is grouped, `entity` among them. The default is one series."
        ),
    ] = None,
    filter: Annotated[
        JSON | None,
        strawberry.argument(
            description="The values of which usage counts, by dimension: a text, or a list of texts, for example "
            '`{"channel": ["print", "social"], "entity": "be"}`. An empty text stands for usage without a value. '
            "Entities are named in any spelling. The default is all usage."
        ),
    ] = None,
    top: Annotated[
        int | None,
        strawberry.argument(description="The maximum number of series, from 1 to 100. All others are the rest."),
    ] = 10,
) -> UsageSeriesSet:
    context, services = info.context, info.context.services
    loaded = readable_batch(context, license).license
    question = UsageQuestion(
        meter, event, from_, to, interval or Interval.DAY, group_by or (), filter, 10 if top is None else top
    )
    most = services.settings.max_usage_points
    query = check_question(context.session, question, loaded, services.registry, context.now, most)
    return UsageSeriesSet(usage=explore_usage(context.session, query), words=context.words)
