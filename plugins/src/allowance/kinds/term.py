"""A term: a value of the contract, shown as it is."""

from dataclasses import dataclass
from typing import ClassVar

from allowance.errors import InvalidDeclaration
from allowance.license import Contract, License
from allowance.meter import Enforcement, Meter
from allowance.reading import Reading
from allowance.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Term(Meter):
    """A meter that shows a limit without usage, such as the time for which data is stored.

    Example::

        Term(
            key="retention", section="license", title="Data retention",
            description="How long campaigns are kept.", unit="months", limit="retention_months",
        )
    """

    enforcement: ClassVar[Enforcement] = Enforcement.NONE

    def __post_init__(self) -> None:
        """Check the declaration."""
        super().__post_init__()
        if self.limit is None:
            raise InvalidDeclaration(f"Term {self.key}: `limit` must name the contract's term that it shows")
        if self.by or self.at_risk is not None:
            raise InvalidDeclaration(f"Term {self.key}: leave `by` and `at_risk` out; a term has no usage")

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the value of the term as the limit, without usage."""
        return Reading(used=None, limit=self.limit_of(contract))
