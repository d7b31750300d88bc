"""The part of a license's meters that a refresh is to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefreshScope:
    """The meters to measure: the meters of named sections, the meters that are due, or by default all.

    `sections` wins over `only_due`: with sections, all of their meters are measured, due or not.
    """

    sections: frozenset[str] | None = None
    only_due: bool = False

    def merge(self, other: "RefreshScope") -> "RefreshScope":
        """Return a scope that holds at least the meters of both: all meters, unless both name sections or are equal."""
        if self == other:
            return self
        if self.only_due or other.only_due or self.sections is None or other.sections is None:
            return RefreshScope()
        return RefreshScope(self.sections | other.sections)
