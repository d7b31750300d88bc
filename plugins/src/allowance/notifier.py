"""Notifiers: where else people are told of what was found, beside e-mail."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from allowance.errors import InvalidDeclaration
from allowance.events import check_key, check_text
from allowance.exact import exact
from allowance.license import Period

KINDS: Final = ("threshold.crossed", "threshold.recovered", "credits.expiring", "credits.requested")
"""The kinds of messages: thresholds were crossed, or are not any more; credits expire soon, or are asked for."""

_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold that was crossed: `ratio` of `limit`. `status` is OK, AT_RISK or EXCEEDED. `unit` is of both."""

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
        """How much of the limit was used, to a tenth of a per cent; None for a limit of 0."""
        if not self.limit:
            return None
        with exact():
            whole, rest = divmod(self.used * 1000, self.limit)
            return (whole + (2 * rest >= self.limit)) * _TENTH


@dataclass(frozen=True, slots=True)
class ExpiringCredits:
    """Credits of which some are left, and which expire. `entity` is None where all may use them."""

    meter: str
    title: str
    amount: Decimal
    left: Decimal
    entity: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestedCredits:
    """Credits that a license asks its operators for. `note` and `entity` are as somebody wrote them."""

    meter: str
    title: str
    amount: Decimal
    entity: str | None
    note: str | None
    requested_by: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told of a license.

    `id` is the same whenever the same message is given to the same notifier again, so that it can be told once.
    `kind` is one of :data:`KINDS`, and says which of `alerts`, `expiring` and `requested` there are. `link` leads to
    the license's consumption.
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


class GiveUp(Exception):
    """Raised by a notifier: trying again makes no sense. Operators are shown its text, and send it again by hand."""


@dataclass(frozen=True, kw_only=True)
class Notifier(ABC):
    """Tells people of messages of the `kinds` it wants, all of them by default. Write a subclass with `notify`.

    Each message goes to each notifier by itself, at least once: again where `notify` raised anything but
    :class:`GiveUp`, took longer than 30 seconds, or ended its process, for more than a day with longer and longer
    waits.

    `environment` names the variables of the worker's environment that it reads; of the others it has only what any
    program needs, and what says how to use the network. None may begin with ``ALLOWANCE_``.
    """

    key: str
    title: str
    kinds: tuple[str, ...] = KINDS
    environment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(type(self).__name__, self.key)
        where = f"{type(self).__name__} {self.key}"
        check_text(f"{where}: `title`", self.title)
        if not isinstance(self.kinds, tuple) or not self.kinds or not all(kind in KINDS for kind in self.kinds):
            raise InvalidDeclaration(f"{where}: `kinds` must be a tuple of some of {', '.join(KINDS)}")
        if not isinstance(self.environment, tuple) or not all(map(_may_be_read, self.environment)):
            raise InvalidDeclaration(f"{where}: `environment` must be a tuple of names, none of them ALLOWANCE_…")

    @abstractmethod
    def notify(self, message: Message) -> None:
        """Tell it. It runs in a process apart, with the `environment` that it names."""


def _may_be_read(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not name.upper().startswith("ALLOWANCE_")
