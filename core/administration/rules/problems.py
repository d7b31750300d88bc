"""Problems of an input, collected so that one answer names them all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from core.errors import InputProblem, InvalidInput
from core.licenses.tables import LONGEST_NAME
from core.text import fold_name, problem_with, shown

MOST_PROBLEMS: Final = 100
EARLIEST, LATEST = date(1970, 1, 1), date(2200, 1, 1)
"""Dates from the first to before the second are accepted."""
_BILLIONTH: Final = Decimal("1e-9")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,5}")


@dataclass(slots=True)
class Problems:
    """Problems of one input, in the order in which they were found."""

    found: list[InputProblem] = field(default_factory=list)

    def add(self, message: str, *path: object, code: str = "BAD_INPUT") -> None:
        """Add a problem.

        Args:
            message: A sentence for the caller.
            path: The field names and indexes that lead to the value.
            code: The code of the problem.

        Raises:
            InvalidInput: This is problem number MOST_PROBLEMS. Nobody reads more, and each takes work.
        """
        self.found.append(InputProblem(code, message, tuple(str(part) for part in path)))
        if len(self.found) == MOST_PROBLEMS:
            raise InvalidInput(self.found)

    def text(self, value: object, longest: int, *path: object) -> None:
        """Add a problem unless the value is a storable text of at most `longest` characters."""
        problem = problem_with(value, longest)
        if problem:
            self.add(f"{path[-1]} {problem}.", *path)

    def name(self, value: str, *path: object) -> None:
        """Add a problem unless the value can name an entity."""
        problem = problem_with(value, LONGEST_NAME) or (None if fold_name(value) else "must not be blank")
        if problem:
            self.add(f"{path[-1]} {problem}.", *path)

    def language(self, value: str, *path: object) -> None:
        """Add a problem unless the value is a language tag."""
        if not _LANGUAGE.fullmatch(value):
            self.add(f"{path[-1]} {shown(value)} is not a language tag, as 'en' or 'fr'.", *path)

    def number(self, called: str, value: Decimal, must: str, most: int, *path: object, zero: bool = False) -> None:
        """Add a problem unless the value is from 0 to `most` and has at most 9 digits behind the point.

        Usage is counted no finer, and a limit of very many digits could not be read.

        Args:
            called: The subject of the message.
            value: The number.
            must: The rule, as the message states it after "must".
            most: The largest number that is accepted.
            path: The field names and indexes that lead to the value.
            zero: Whether 0 is accepted.
        """
        if not value.is_finite() or not 0 <= value <= most or (value == 0 and not zero):
            self.add(f"{called} must {must}, not {value}.", *path)
        elif value != value.quantize(_BILLIONTH):
            self.add(f"{called} must have 9 digits at most behind the point, not {value}.", *path)

    def twice(self, called: str, keys: Iterable[str], among: str, field: str) -> None:
        """Add a problem for each key that stands earlier in the list."""
        seen: set[str] = set()
        for index, key in enumerate(keys):
            if key in seen:
                self.add(f"{called} {shown(key)} is there twice.", among, index, field)
            seen.add(key)

    def raise_if_any(self) -> None:
        """Raise :class:`InvalidInput` with all problems, if there are any."""
        if self.found:
            raise InvalidInput(self.found)
