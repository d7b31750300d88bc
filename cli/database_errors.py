"""Errors of the database that an operator can mend."""

from sqlalchemy.exc import DatabaseError, OperationalError


def mendable(error: Exception) -> str | None:
    """Return the line for an operator, or None for an error that is no matter of the database or of its operation."""
    # Every other subclass says that a statement of ours is wrong.
    if type(error) not in (DatabaseError, OperationalError):
        return None
    return f"The database does not answer: {str(error.orig).strip()}"  # type: ignore[attr-defined]
