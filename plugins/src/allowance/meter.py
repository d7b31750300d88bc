"""What a meter is: one resource type of a license."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from math import prod
from typing import ClassVar, Final

from allowance.errors import InvalidDeclaration
from allowance.events import Dimension, EventType, check_dimensions, check_key, check_text
from allowance.exact import exact
from allowance.license import Contract, License
from allowance.reading import Limit, Reading
from allowance.usage import Usage

_MOST_DAYS: Final = 3_660


class Enforcement(StrEnum):
    """SOFT: exceeding never blocks. HARD: over it, refused. NONE: there is no usage to hold against it."""

    SOFT = "SOFT"
    HARD = "HARD"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Meters shown together. Sections are shown by `order`, then by key."""

    key: str
    title: str
    description: str | None = None
    order: int = 100

    def __post_init__(self) -> None:
        check_key("Section", self.key)
        check_text(f"Section {self.key}: `title`", self.title)
        if self.description is not None:
            check_text(f"Section {self.key}: `description`", self.description)
        if type(self.order) is not int:
            raise InvalidDeclaration(f"Section {self.key}: `order` must be a whole number, not {self.order!r}")


@dataclass(frozen=True, kw_only=True)
class Meter(ABC):
    """One resource type: its section, its unit, how it is measured, how its limit follows from the contract.

    Declare a :class:`Counter`, :class:`Level`, :class:`Credits`, :class:`Ratio`, :class:`Term` or
    :class:`Admission`, or write a subclass with `measure`. A subclass needs no decorator unless it adds fields.

    `limit` names the contract's term that is the limit, or several whose product it is; None where the
    contract sets none. `at_risk` is the ratio of the limit from which the meter is at risk, where the
    contract does not set its own. `notices` are further ratios that people are told of; they change no status.
    `by` are the dimensions of the breakdown. `applications` are the platform's applications in which its notices are
    shown. `every` is how long a reading is good for.

    `days` says how much of the past is loaded day by day for a `measure` of one's own: 0, the default, only
    the totals of the billing period so far; a number, that many days before today as well; None, all days.
    """

    key: str
    section: str
    title: str
    description: str
    unit: str
    limit: str | tuple[str, ...] | None = None
    at_risk: Decimal | None = None
    notices: tuple[Decimal, ...] = ()
    by: tuple[Dimension, ...] = ()
    applications: tuple[str, ...] = ()
    every: timedelta = timedelta(days=1)
    days: int | None = 0

    enforcement: ClassVar[Enforcement] = Enforcement.SOFT
    counts_over_period: ClassVar[bool] = False
    """Whether usage begins again at zero with the billing period."""

    def __post_init__(self) -> None:
        check_key(type(self).__name__, self.key)
        where = f"{type(self).__name__} {self.key}"
        check_key(f"{where}: section", self.section)
        for name in ("title", "description", "unit"):
            check_text(f"{where}: `{name}`", getattr(self, name))
        check_dimensions(f"{where}: `by`", self.by)
        if not isinstance(self.applications, tuple):
            raise InvalidDeclaration(f"{where}: `applications` must be a tuple, as ('campaigns',)")
        for application in self.applications:
            check_text(f"{where}: an application", application)
        if not isinstance(self.limit, str | tuple | None) or self.limit == ():
            raise InvalidDeclaration(f"{where}: `limit` must be the name of a term or a tuple of names, or left out")
        for term in self.limit_terms:
            check_key(f"{where}: limit", term)
        ratio = self.at_risk
        if ratio is not None and not (isinstance(ratio, Decimal) and ratio.is_finite() and 0 < ratio <= 1):
            raise InvalidDeclaration(f"{where}: `at_risk` must be a Decimal above 0 and up to 1, as Decimal('0.8')")
        if not isinstance(self.notices, tuple) or not all(map(_is_part, self.notices)):
            raise InvalidDeclaration(
                f"{where}: `notices` must be a tuple of Decimal between 0 and 1, as (Decimal('0.9'),)"
            )
        if not isinstance(self.every, timedelta) or not timedelta(minutes=1) <= self.every <= timedelta(days=366):
            raise InvalidDeclaration(f"{where}: `every` must be a timedelta from a minute to a year")
        if self.days is not None and (type(self.days) is not int or not 0 <= self.days <= _MOST_DAYS):
            raise InvalidDeclaration(f"{where}: `days` must be a whole number up to {_MOST_DAYS}, or None for all")
        self.events()  # so that an event type that cannot work is refused here

    @property
    def limit_terms(self) -> tuple[str, ...]:
        """The contract's terms that the limit is made of."""
        if self.limit is None:
            return ()
        return (self.limit,) if isinstance(self.limit, str) else self.limit

    def events(self) -> tuple[EventType, ...]:
        """The event types that this meter reads; a type that no meter reads is refused at the door."""
        return ()

    @abstractmethod
    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Find the reading. A pure function of its arguments: the past is measured again with it."""

    def limit_of(self, contract: Contract) -> Limit | None:
        """The product of the contract's terms named by `limit`; None where the contract lacks one of them.

        The basis reads as "1,000,000 profiles × 12 interactions per profile".
        """
        terms = self.limit_terms
        if not terms or any(term not in contract.terms for term in terms):
            return None
        return _product(terms, tuple(contract.terms[term] for term in terms))


def _is_part(ratio: object) -> bool:
    return isinstance(ratio, Decimal) and ratio.is_finite() and 0 < ratio < 1


@lru_cache(maxsize=16_384)
def _product(terms: tuple[str, ...], values: tuple[Decimal, ...]) -> Limit:
    with exact():
        value = prod(values, start=Decimal(1))
    return Limit(value, " × ".join(f"{in_words(one)} {_words(term)}" for term, one in zip(terms, values, strict=True)))


def in_words(value: Decimal) -> str:
    """A number as people read it, with grouped thousands and no trailing zeros."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _words(term: str) -> str:
    return term.replace("_", " ")
