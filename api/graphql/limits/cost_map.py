"""The cost map: about the number of values in the answer, and more for fields that read or write the database.

A field costs 1, or as much as :data:`FIELD_COSTS` states, plus its selections. A list costs its field, and 1 plus its
selections for each item. :data:`LIST_SIZES` states how many items are assumed: as many as some twenty meters have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from itertools import islice
from typing import Final, TypeAlias

from api.graphql.opaque import decode
from core.delivery.webhooks.endpoints import MOST_ENDPOINTS
from core.delivery.webhooks.log import MOST_LISTED_ATTEMPTS
from core.explaining.explanation import MOST_PARTS
from core.explaining.usage_query import MOST_TOP, SHORTEST
from core.report.curve import MOST_POINTS
from core.report.days import MOST_DAYS
from core.times import NotAnInstant, parse_instant


@dataclass(frozen=True, slots=True)
class PageCost:
    """The size of a connection: `last` or else `first` edges, from none to `most`; `default` edges without either."""

    default: int
    most: int


Arguments: TypeAlias = Mapping[str, object]
"""The values of a field's arguments, as far as the cost needs them: numbers, texts, and lists of them."""


@dataclass(frozen=True, slots=True)
class ArgumentCost:
    """A number by the values of a field's arguments: its cost, or the number of points in its answer."""

    of: Callable[[Arguments], int]


class Edges(Enum):
    """The size of a list of edges or points: the size of its connection or grid, which the field above it states."""

    OF_THE_PAGE = "of the page"


PAST_DAY: Final = 1_000
"""The cost of a past day, which is measured again: 6 to 12 ms with a few series, and more with many."""
USAGE: Final = 500
"""The cost of a question about usage: 3 to 6 ms with a few series."""
POINTS_READ: Final = 2
"""Points of the explorer that are read and added up in the time that one value of an answer costs."""
REPORT: Final = 200
DAY_OF_A_REPORT: Final = 30
"""The cost of a day of a contract report: 0.2 ms with twenty meters."""
EXPLANATION: Final = 1_000
"""The cost of an explanation: 3 to 10 ms with a few series, and 20 ms for credits, which are spent again."""
PARTS: Final = 100
TOP: Final = 10
A_YEAR: Final = 366
LICENSE: Final = 20
MOST_NODES: Final = 50
_WITH_A_DAY: Final = ("Consumption", "Section", "Reading")


def _cost_at(arguments: Arguments) -> int:
    return LICENSE if arguments.get("at") is None else PAST_DAY


def _cost_of_node(arguments: Arguments) -> int:
    return _cost_of_id(arguments.get("id"))


def _cost_of_id(id: object) -> int:
    """Return the cost of a global id. Ids of consumptions of a past day, and of parts of them, end with that day."""
    values = decode(id) if isinstance(id, str) else None
    return PAST_DAY if values and values[0] in _WITH_A_DAY and _is_day(values[-1]) else LICENSE


def _is_day(value: object) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _cost_of_nodes(arguments: Arguments) -> int:
    """Return the cost of a list of ids; a list that is too long is refused by the field itself."""
    ids = arguments.get("ids")
    return sum(map(_cost_of_id, islice(ids, MOST_NODES))) if isinstance(ids, list) else LICENSE


_LENGTH_OF_A_DAY: Final = len("2026-01-01")


def _points(arguments: Arguments) -> int:
    """Return the number of points that an answer about usage has at the most."""
    top = arguments.get("top")
    groups = min(top if isinstance(top, int) and top > 0 else TOP, MOST_TOP) + 1
    interval = arguments.get("interval")
    shortest = next((days for known, days in SHORTEST.items() if known.value == interval), 1)
    return groups * (_days(arguments.get("from"), arguments.get("to")) // shortest + 2)


def _days(start: object, end: object) -> int:
    """Return the number of days between two instants or days; a year without a start, and until now without an end."""
    first, last = _instant(start), _instant(end) or datetime.now(UTC)
    return A_YEAR if first is None else max((last - first).days + 1, 1)


def _instant(text: object) -> datetime | None:
    """Return an instant from its text or that of a day; None if it is neither."""
    try:
        return parse_instant(f"{text}T00:00:00Z" if isinstance(text, str) and len(text) == _LENGTH_OF_A_DAY else text)
    except NotAnInstant:
        return None


def _parts(arguments: Arguments) -> int:
    """Return the number of parts of an explanation: those asked for, and at most four that are no usage of a day."""
    first = arguments.get("first")
    return (min(first, MOST_PARTS) if isinstance(first, int) and first > 0 else PARTS) + 4


def _cost_of_usage(arguments: Arguments) -> int:
    return USAGE + _points(arguments) // POINTS_READ


def _cost_of_report(arguments: Arguments) -> int:
    first, last = (arguments.get(day) or arguments.get(at) for day, at in (("firstDay", "from"), ("lastDay", "to")))
    days = min(_days(first, last), MOST_DAYS)
    return REPORT + DAY_OF_A_REPORT * days


FIELD_COSTS: Final[Mapping[str, int | ArgumentCost]] = {
    "Query.consumption": ArgumentCost(_cost_at),
    "Subscription.consumptionChanged": 20,
    "Subscription.licensesChanged": 20,
    "Query.license": 20,
    "Query.licenses": 20,
    "LicenseConnection.byStatus": 50,
    "LicenseConnection.totalCount": 50,
    "Query.alerts": 20,
    "Query.openCreditRequests": 20,
    "Query.stuckDeliveries": 20,
    "Query.node": ArgumentCost(_cost_of_node),
    "Query.nodes": ArgumentCost(_cost_of_nodes),
    "Query.usage": ArgumentCost(_cost_of_usage),
    "Viewer.license": 20,
    "Consumption.installations": 20,
    "License.consumption": 50,
    "License.admins": 5,
    "License.contractReport": ArgumentCost(_cost_of_report),
    "License.alerts": 5,
    "License.grants": 5,
    "License.periods": 2,
    "Query.webhookEndpoints": 20,
    "WebhookEndpoint.deliveries": 20,
    "Reading.history": 20,
    "Reading.forecast": 5,
    "Reading.explanation": EXPLANATION,
    "ReadingPoint.shares": 10,
    "Mutation.recordUsage": 200,
    "Mutation.adjustUsage": 200,
    "Mutation.checkIn": 50,
    "Mutation.freePlaces": 200,
    "Mutation.rotateCheckInSecret": 200,
    "Mutation.requireSignatures": 200,
    "Mutation.refreshConsumption": 50,
    "Mutation.putLicense": 200,
    "Mutation.putContract": 200,
    "Mutation.withdrawContract": 200,
    "Mutation.suspendLicense": 200,
    "Mutation.resumeLicense": 200,
    "License.creditRequests": 5,
    "Mutation.grantCredits": 200,
    "Mutation.voidGrant": 200,
    "Mutation.requestCredits": 200,
    "Mutation.declineCreditRequest": 200,
    "Mutation.redeliver": 50,
    "Mutation.closeEntity": 200,
    "Mutation.renameEntity": 200,
    "Mutation.createSession": 50,
    "Mutation.endSession": 50,
    "Mutation.putWebhookEndpoint": 200,
    "Mutation.deleteWebhookEndpoint": 50,
    "Mutation.rotateWebhookSecret": 50,
    "Mutation.sendTestWebhook": 50,
    "Mutation.redeliverWebhook": 50,
}

LIST_SIZES: Final[Mapping[str, int | PageCost | Edges]] = {
    "Query.licenses": PageCost(20, 100),
    "Query.alerts": PageCost(20, 100),
    "Query.openCreditRequests": PageCost(20, 100),
    "Query.stuckDeliveries": PageCost(20, 100),
    "Query.meters": 20,
    "Query.nodes": MOST_NODES,
    "Query.plugins": 10,
    "Viewer.scopes": 5,
    "Viewer.can": 5,
    "License.grants": PageCost(20, 100),
    "License.periods": PageCost(12, 100),
    "License.alerts": PageCost(20, 100),
    "License.creditRequests": PageCost(20, 100),
    "CreditRequestConnection.edges": Edges.OF_THE_PAGE,
    "LicenseConnection.edges": Edges.OF_THE_PAGE,
    "LicenseConnection.byStatus": 4,
    "StuckDeliveryConnection.edges": Edges.OF_THE_PAGE,
    "GrantConnection.edges": Edges.OF_THE_PAGE,
    "AlertConnection.edges": Edges.OF_THE_PAGE,
    "ReadingHistoryConnection.edges": Edges.OF_THE_PAGE,
    "Query.webhookEndpoints": MOST_ENDPOINTS,
    "WebhookEndpoint.kinds": 3,
    "WebhookEndpoint.deliveries": PageCost(20, 100),
    "WebhookDeliveryConnection.edges": Edges.OF_THE_PAGE,
    "WebhookDelivery.attempts": MOST_LISTED_ATTEMPTS,
    "License.admins": 3,
    "License.contracts": 5,
    "ContractReport.meters": 20,
    "MeterReport.days": 4,
    "MeterReport.curve": MOST_POINTS,
    "Contract.terms": 10,
    "Contract.quotas": 2,
    "Contract.alertAt": 2,
    "Contract.forecastAt": 2,
    "AlertAt.ratios": 2,
    "Contract.expiryNoticeDays": 2,
    "Consumption.sections": 7,
    "Section.readings": 3,
    "Reading.thresholds": 2,
    "Forecast.points": 32,
    "Reading.breakdown": 10,
    "ReadingPoint.shares": 10,
    "Reading.history": PageCost(100, 1000),
    "Explanation.parts": Edges.OF_THE_PAGE,
    "ExplanationDivisor.parts": Edges.OF_THE_PAGE,
    "LimitExplanation.terms": 2,
    "UsageSeriesSet.series": TOP,
    "UsageSeriesSet.restPoints": Edges.OF_THE_PAGE,
    "UsageSeries.points": Edges.OF_THE_PAGE,
    "Meter.applications": 2,
    "Meter.shownIn": 2,
    "Meter.events": 2,
    "Meter.limitTerms": 2,
    "MeterEvent.dimensions": 2,
    "MeterDimension.values": 5,
    "Plugin.meters": 3,
    "Plugin.notifiers": 1,
    "Plugin.pausing": 1,
    "Meter.replaces": 1,
    "Notifier.kinds": 3,
    "Warnings.notices": 5,
    "RecordUsageResult.rejected": 10,
    "AdjustUsageResult.errors": 2,
    "PutLicenseResult.errors": 2,
    "PutContractResult.errors": 2,
    "WithdrawContractResult.errors": 2,
    "SuspendLicenseResult.errors": 2,
    "ResumeLicenseResult.errors": 2,
    "GrantCreditsResult.errors": 2,
    "VoidGrantResult.errors": 2,
    "DeclineCreditRequestResult.errors": 2,
    "RedeliverResult.errors": 2,
    "CloseEntityResult.errors": 2,
    "RenameEntityResult.errors": 2,
    "FreePlacesResult.errors": 2,
    "RotateCheckInSecretResult.errors": 2,
    "RequireSignaturesResult.errors": 2,
    "CreateSessionResult.errors": 2,
    "EndSessionResult.errors": 2,
    "RequestCreditsResult.errors": 2,
    "PutWebhookEndpointResult.errors": 2,
    "DeleteWebhookEndpointResult.errors": 2,
    "RotateWebhookSecretResult.errors": 2,
    "WebhookDeliveryResult.errors": 2,
    "InputError.path": 3,
    # Introspection, as large as this schema is.
    "__Schema.types": 80,
    "__Schema.directives": 5,
    "__Type.fields": 5,
    "__Type.interfaces": 1,
    "__Type.possibleTypes": 1,
    "__Type.enumValues": 1,
    "__Type.inputFields": 1,
    "__Field.args": 1,
    "__Directive.locations": 3,
    "__Directive.args": 1,
}

GRID_SIZES: Final[Mapping[str, ArgumentCost]] = {
    "Query.usage": ArgumentCost(_points),
    "Reading.explanation": ArgumentCost(_parts),
}
"""The number of points or parts in the answer of a field, in whichever lists below it they are."""
