"""Meters and sections: the declarations of resource types."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from math import prod
from types import MappingProxyType
from typing import ClassVar, Final

from allowance.errors import InvalidDeclaration
from allowance.events import Dimension, EventType, check_dimensions, check_key
from allowance.exact import exact
from allowance.license import Contract, License
from allowance.reading import MAX_AHEAD, Limit, Number, Reading
from allowance.text import Application, Unit, check_application, check_text, check_unit, unit_of
from allowance.usage import Usage

_MOST_DAYS: Final = 3_660


class Enforcement(StrEnum):
    """The effect of reaching a limit.

    Attributes:
        SOFT: Nothing is ever blocked.
        HARD: New items are refused once the limit is reached.
        NONE: The meter has no usage to compare with the limit.
    """

    SOFT = "SOFT"
    HARD = "HARD"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A group of meters that are shown together.

    Example::

        Section(key="chat", title="Chat", order=80)

    Attributes:
        key: The stable key: lower-case letters, digits and underscores.
        title: The title for people; a :class:`~allowance.text.Text` has it in several languages.
        description: A sentence for people; None for none.
        order: The position among the sections, ascending. Sections of equal order are shown by key. The built-in
            sections have the orders 10 to 70.

    Raises:
        InvalidDeclaration: If a value cannot work.
    """

    key: str
    title: str
    description: str | None = None
    order: int = 100

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_key("Section", self.key)
        check_text(f"Section {self.key}: `title`", self.title)
        if self.description is not None:
            check_text(f"Section {self.key}: `description`", self.description)
        if type(self.order) is not int:
            raise InvalidDeclaration(f"Section {self.key}: `order` must be a whole number, not {self.order!r}")


@dataclass(frozen=True, kw_only=True)
class Meter(ABC):
    """A meter: one resource type of a license, with its unit, its measurement and its limit.

    Declare a :class:`Counter`, :class:`Level`, :class:`Credits`, :class:`Ratio`, :class:`Term` or
    :class:`Admission`, or write a subclass with `measure`. A subclass needs no decorator unless it adds fields.

    Example::

        class ActiveDays(Meter):
            def events(self) -> tuple[EventType, ...]:
                return (EventType("push.sent", "counter"),)

            def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
                return Reading(used=len(usage.daily("push.sent", by="entity")), limit=self.limit_of(contract))

    Attributes:
        key: The stable key: lower-case letters, digits and underscores.
        section: The key of the section in which the meter is shown.
        title: The title for people; a :class:`~allowance.text.Text` has it in several languages.
        description: A sentence for people that states what is measured.
        unit: The unit of the usage and the limit: a :class:`~allowance.text.Unit` with its plural forms and the format
            of numbers, or only the plural, as ``messages``.
        limit: The name of the contract's term that is the limit, or several names whose product is the limit; None if
            the meter has no limit.
        limit_words: The words for terms in `limit`, by name, for the calculation that people see; in English the
            words of the name by default, and in other languages the unit, if there is one term.
        at_risk: The ratio of the limit from which the status is AT_RISK, above 0 and up to 1, unless the contract
            sets another; None for no such status.
        notices: Further ratios at which people are alerted, between 0 and 1. They do not change the status.
        by: The dimensions of the breakdown.
        applications: The platform's applications in which notices of this meter are shown: their keys, or
            :class:`~allowance.text.Application` with a title and an address.
        every: The time after which a reading is refreshed, from a minute to 366 days.
        days: The single days before today that `measure` needs. 0: only the totals of the billing period so far are
            loaded. None: all days are loaded.
        replaces: The keys of earlier meters of the plugin whose place this meter takes. What contracts state of their
            ratios holds for this meter, unless they state its own.
        deprecated: A sentence for people that states what to use instead of this meter; None if it is not deprecated.
        enforcement: The effect of reaching the limit.
        counts_over_period: Whether usage starts again at zero with each billing period.

    Raises:
        InvalidDeclaration: If a value cannot work.
    """

    key: str
    section: str
    title: str
    description: str
    unit: str | Unit
    limit: str | tuple[str, ...] | None = None
    at_risk: Decimal | None = None
    notices: tuple[Decimal, ...] = ()
    by: tuple[Dimension, ...] = ()
    applications: tuple[str | Application, ...] = ()
    every: timedelta = timedelta(days=1)
    days: int | None = 0
    limit_words: Mapping[str, str | Unit] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    replaces: tuple[str, ...] = ()
    deprecated: str | None = None

    enforcement: ClassVar[Enforcement] = Enforcement.SOFT
    counts_over_period: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_key(type(self).__name__, self.key)
        where = f"{type(self).__name__} {self.key}"
        check_key(f"{where}: section", self.section)
        for name in ("title", "description"):
            check_text(f"{where}: `{name}`", getattr(self, name))
        check_unit(f"{where}: `unit`", self.unit)
        check_dimensions(f"{where}: `by`", self.by)
        if not isinstance(self.applications, tuple):
            raise InvalidDeclaration(f"{where}: `applications` must be a tuple, as ('campaigns',)")
        for application in self.applications:
            check_application(f"{where}: an application", application)
        if not isinstance(self.limit, str | tuple | None) or self.limit == ():
            raise InvalidDeclaration(f"{where}: `limit` must be the name of a term or a tuple of names, or left out")
        for term in self.limit_terms:
            check_key(f"{where}: limit", term)
        if not isinstance(self.limit_words, Mapping) or not set(self.limit_words) <= set(self.limit_terms):
            raise InvalidDeclaration(f"{where}: `limit_words` must map names of terms in `limit` to their words")
        for term, words in self.limit_words.items():
            check_unit(f"{where}: `limit_words` of {term}", words)
        object.__setattr__(self, "limit_words", MappingProxyType(dict(self.limit_words)))
        _check_succession(where, self)
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
        """The names of the contract's terms whose product is the limit; empty if the meter has no limit."""
        if self.limit is None:
            return ()
        return (self.limit,) if isinstance(self.limit, str) else self.limit

    @property
    def unit_forms(self) -> Unit:
        """The unit with its plural forms; a plain unit has its plural for every number."""
        return unit_of(self.unit)

    @property
    def shown_in(self) -> tuple[Application, ...]:
        """The applications in which notices of this meter are shown."""
        return tuple(one if isinstance(one, Application) else Application(one) for one in self.applications)

    def events(self) -> tuple[EventType, ...]:
        """Return the event types that this meter reads. The application refuses events that no meter reads."""
        return ()

    @abstractmethod
    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Measure a license.

        It must be a pure function of its arguments, because the past is measured again with it: no clock, no
        network, no files, no state. The application runs it in a process apart, with a limit on time and memory.

        Args:
            usage: The usage up to the instant of the measurement.
            license: The license that is measured.
            contract: The contract that is in force on the day of the measurement.

        Returns:
            The reading, with exact numbers.
        """

    def ahead(self, usage: Usage, license: License, contract: Contract) -> Sequence[Number] | None:
        """Return how much each of the coming days adds to `used`, if the meter knows better than its history.

        By default the application forecasts a meter from its history of at least 14 days. A meter may know more: what
        was ordered, booked or scheduled. It must be a pure function of its arguments, as `measure`. An error costs the
        reading, as one of `measure` does.

        Example::

            def ahead(self, usage: Usage, license: License, contract: Contract) -> list[int]:
                booked = usage.level("sends.booked") or 0
                return [int(booked)] * 7

        Args:
            usage: The usage up to the instant of the measurement.
            license: The license that is measured.
            contract: The contract that is in force on the day of the measurement.

        Returns:
            What each day adds: first the whole day of the measurement, then the days after it, 1,100 at most. Days
            after the last one are forecast from the history, and so is the range. None to forecast all of it from the
            history.
        """
        return None

    def limit_of(self, contract: Contract) -> Limit | None:
        """Return the limit: the product of the contract's terms that `limit` names.

        Returns:
            The limit, with a basis such as "1,000,000 profiles × 12 interactions per profile". None if the contract
            lacks a term, or if the meter has no limit.
        """
        terms = self.limit_terms
        if not terms or any(term not in contract.terms for term in terms):
            return None
        return _product(terms, tuple(contract.terms[term] for term in terms))


def look_ahead(meter: Meter, usage: Usage, license: License, contract: Contract) -> tuple[Number, ...]:
    """Return what a meter knows of the days ahead; nothing unless its class has a method of its own. For the engine."""
    if type(meter).ahead is Meter.ahead:
        return ()
    return tuple(islice(meter.ahead(usage, license, contract) or (), MAX_AHEAD + 1))


def _check_succession(where: str, meter: Meter) -> None:
    if not isinstance(meter.replaces, tuple) or meter.key in meter.replaces:
        raise InvalidDeclaration(f"{where}: `replaces` must be a tuple of keys of other meters, as ('old_key',)")
    for replaced in meter.replaces:
        check_key(f"{where}: `replaces`", replaced)
    if meter.deprecated is not None:
        check_text(f"{where}: `deprecated`", meter.deprecated)


def _is_part(ratio: object) -> bool:
    return isinstance(ratio, Decimal) and ratio.is_finite() and 0 < ratio < 1


@lru_cache(maxsize=16_384)
def _product(terms: tuple[str, ...], values: tuple[Decimal, ...]) -> Limit:
    with exact():
        value = prod(values, start=Decimal(1))
    return Limit(
        value, " × ".join(f"{in_words(factor)} {_words(term)}" for term, factor in zip(terms, values, strict=True))
    )


def in_words(value: Decimal) -> str:
    """Return a number as people read it, with grouped thousands and without trailing zeros, as ``1,000.5``."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _words(term: str) -> str:
    return term.replace("_", " ")
