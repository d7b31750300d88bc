"""The part of a license's meters that a refresh is to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefreshScope:
    """The meters to measure: those of named sections, those that are due, or by default all."""

    sections: frozenset[str] | None = None
    only_due: bool = False

    def merge(self, other: "RefreshScope") -> "RefreshScope":
        """Return a scope that holds the meters of both."""
        if self == other:
            return self
        if self.only_due or other.only_due or self.sections is None or other.sections is None:
            return RefreshScope()
        return RefreshScope(self.sections | other.sections)
