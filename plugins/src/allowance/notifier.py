"""Notifiers: further channels for the messages that people get by e-mail."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from allowance.errors import InvalidDeclaration
from allowance.events import check_key
from allowance.exact import exact
from allowance.license import Period
from allowance.text import check_text

KINDS: Final = (
    "threshold.crossed", "threshold.recovered", "threshold.reopened", "forecast.crossed", "forecast.recovered",
    "credits.expiring", "credits.requested", "credits.declined",
)  # fmt: skip
"""The kinds of messages: thresholds were crossed, have recovered, or are crossed again; forecasts have reached
ratios of limits, or are clear of them; credits expire soon or are requested; a request for credits was declined."""

_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold that was crossed, that has recovered, or that is crossed again.

    Attributes:
        meter: The key of the meter.
        title: The title of the meter.
        unit: The unit of `used` and `limit`.
        used: The usage when the threshold was crossed.
        limit: The limit when the threshold was crossed.
        ratio: The threshold, as a ratio of the limit: 1 is the whole limit.
        status: The status of the reading: OK, AT_RISK or EXCEEDED.
        period: The billing period.
    """

    meter: str
    title: str
    unit: str
    used: Decimal
    limit: Decimal
    ratio: Decimal
    status: str
    period: Period

    @property
    def percentage(self) -> Decimal | None:
        """The used part of the limit in per cent, rounded to one decimal; None for a limit of 0."""
        if not self.limit:
            return None
        with exact():
            whole, rest = divmod(self.used * 1000, self.limit)
            return (whole + (2 * rest >= self.limit)) * _TENTH


@dataclass(frozen=True, slots=True)
class ForecastAlert:
    """A forecast that has reached a ratio of a limit, or that is clear of the ratio again.

    Attributes:
        meter: The key of the meter.
        title: The title of the meter.
        unit: The unit of the usage and `limit`.
        used: The usage when the forecast reached the ratio.
        limit: The limit at that time.
        ratio: The ratio of the limit that the contract alerts at: 1 is the whole limit.
        expected: The usage that was expected at the end of the period.
        low: The low end of the range of `expected`.
        high: The high end of the range of `expected`.
        exceeds_at: The instant at which the limit is exceeded; None if that may as well be never.
        exceeds_earliest: The earliest such instant; None if there is none within the range.
        exceeds_latest: The latest such instant; None like `exceeds_at`.
        period: The billing period.
    """

    meter: str
    title: str
    unit: str
    used: Decimal
    limit: Decimal
    ratio: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal
    exceeds_at: datetime | None
    exceeds_earliest: datetime | None
    exceeds_latest: datetime | None
    period: Period


@dataclass(frozen=True, slots=True)
class ExpiringCredits:
    """Credits that expire soon and of which some are left.

    Attributes:
        meter: The key of the meter of credits.
        title: The title of the meter.
        amount: The credits that were granted.
        left: The credits that are left.
        entity: The only entity that may use the credits; None if all entities may.
        expires_at: The instant at which the credits expire.
    """

    meter: str
    title: str
    amount: Decimal
    left: Decimal
    entity: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestedCredits:
    """A license's request for credits, addressed to the operators.

    Attributes:
        meter: The key of the meter of credits.
        title: The title of the meter.
        amount: The number of credits.
        entity: The entity that the credits are for; None for all. It is text that a person wrote: escape it.
        note: The reason; None for none. It is text that a person wrote: escape it.
        requested_by: The name of the person who made the request, as the back end of their session gave it; the name of
            the API key if no person is known. It is text from outside: escape it.
    """

    meter: str
    title: str
    amount: Decimal
    entity: str | None
    note: str | None
    requested_by: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message about a license.

    Attributes:
        id: The identifier of the message. It is the same in each attempt, so that a receiver can recognise repeats.
        kind: One of :data:`KINDS`. It decides which of `alerts`, `forecasts`, `expiring` and `requested` are set.
        license_key: The key of the license.
        license_name: The name of the license.
        occurred_at: The instant of the event that the message reports.
        link: The URL of the license's consumption, for people.
        alerts: The thresholds, for the kinds ``threshold.crossed``, ``threshold.recovered`` and
            ``threshold.reopened``.
        forecasts: The forecasts, for the kinds ``forecast.crossed`` and ``forecast.recovered``.
        expiring: The credits, for the kind ``credits.expiring``.
        requested: The request, for the kinds ``credits.requested`` and ``credits.declined``; otherwise None.
        reason: The operator's reason, for the kind ``credits.declined``; otherwise None. It is text that a person
            wrote: escape it.
    """

    id: str
    kind: str
    license_key: str
    license_name: str
    occurred_at: datetime
    link: str
    alerts: tuple[Alert, ...] = ()
    expiring: tuple[ExpiringCredits, ...] = ()
    requested: RequestedCredits | None = None
    reason: str | None = None
    forecasts: tuple[ForecastAlert, ...] = ()


class GiveUp(Exception):
    """An error that a notifier raises if further attempts are useless.

    The delivery is parked. Operators see the text of the error, and can send the message again.
    """


@dataclass(frozen=True, kw_only=True)
class Notifier(ABC):
    """A channel through which people get messages. Write a subclass with `notify`.

    Each notifier gets each message of its kinds at least once, independently of other notifiers. An attempt fails if
    `notify` raises an error, takes longer than 30 seconds or ends its process. Failed attempts are repeated for more
    than a day, with growing waits, unless the error is :class:`GiveUp`.

    Example::

        class ChatNotifier(Notifier):
            def notify(self, message: Message) -> None:
                post(os.environ["CHAT_URL"], {"id": message.id, "text": message.license_name})

        CHAT = ChatNotifier(key="chat", title="Chat", environment=("CHAT_URL",))

    Attributes:
        key: The stable key: lower-case letters, digits and underscores.
        title: The title for people.
        kinds: The kinds of messages that the notifier gets, out of :data:`KINDS`; all by default.
        environment: The names of the worker's environment variables that `notify` may read. Beside them it has only
            the variables that any program needs, and those that configure the network. No name may begin with
            ``ALLOWANCE_``.

    Raises:
        InvalidDeclaration: If a value cannot work.
    """

    key: str
    title: str
    kinds: tuple[str, ...] = KINDS
    environment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_key(type(self).__name__, self.key)
        where = f"{type(self).__name__} {self.key}"
        check_text(f"{where}: `title`", self.title)
        if not isinstance(self.kinds, tuple) or not self.kinds or not all(kind in KINDS for kind in self.kinds):
            raise InvalidDeclaration(f"{where}: `kinds` must be a tuple of some of {', '.join(KINDS)}")
        if not isinstance(self.environment, tuple) or not all(map(_may_be_read, self.environment)):
            raise InvalidDeclaration(f"{where}: `environment` must be a tuple of names, none of them ALLOWANCE_…")

    @abstractmethod
    def notify(self, message: Message) -> None:
        """Send a message. Runs in a process apart, with the variables named in `environment`.

        Args:
            message: The message. Names, entities and notes in it are text that people wrote: escape them.

        Raises:
            GiveUp: If further attempts are useless.
        """


def _may_be_read(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not name.upper().startswith("ALLOWANCE_")
